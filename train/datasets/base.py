"""What every dataset loader returns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from train.teachers.lessons import Lessons, join_lessons

MUSIC, NOT_MUSIC = 1.0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """Clips as features in memory, with what is known of each.

    Attributes:
        name: the dataset's name, as in the command line.
        labels: the labels this set knows, in order.
        features: one array a clip, shape (n_mels, n_frames of the clip), uint8 or float.
        db_of_step: what one step of an array is in dB, for each clip; 1.0 for arrays in dB.
        n_repeats: how often each stored column stands for a frame, for each clip: 3 for a set
            whose frames are three times as far apart as the model's.
        ids: one name a clip.
        targets: shape (n_clips, n_labels): 1 has it, 0 has it not, NaN unknown.
        music: shape (n_clips,): 1 music, 0 not music, NaN unknown.
        splits: 'train', 'valid' or 'test' for each clip.
        groups: clips of one group (artist, album, neighbours) never stand on two sides.
        kind: 'single' (one label a clip) or 'multi'.
        embeddings: what another network heard in each clip, standardised, shape (n_clips,
            n_dims); NaN where it is not known. None if it is known of no clip.
        soft_targets: what is learned in place of `targets`, the same shape; None for these.
        counts: how much each label counts in the loss, the same shape; None for 1 where it is
            known.
        n_pieces: of how many equally long pieces of its recording each clip consists; None for
            one each.
        paths: the recording of each clip, '' for stored features; None if no clip has one.
        lessons: what teachers say of each clip; None if there are none.
        is_waveform: the arrays are recordings, one row of samples, and a frame is a sample:
            the front end is computed in the training step.
        unreadable: recordings that are left out, each with the reason.
        coded: the recordings as a lossy codec leaves them, like `features` and as long, or the
            recording itself where there is no such version of it. None if there are none.
        origins: the dataset of each clip, after joining; None for a set by itself.
    """

    name: str
    labels: tuple[str, ...]
    features: Sequence[NDArray[np.generic]]
    db_of_step: NDArray[np.float32]
    n_repeats: NDArray[np.intp]
    ids: NDArray[np.str_]
    targets: NDArray[np.float32]
    music: NDArray[np.float32]
    splits: NDArray[np.str_]
    groups: NDArray[np.str_]
    kind: str
    embeddings: NDArray[np.float32] | None = None
    soft_targets: NDArray[np.float32] | None = None
    counts: NDArray[np.float32] | None = None
    n_pieces: NDArray[np.intp] | None = None
    paths: NDArray[np.str_] | None = None
    lessons: Lessons | None = None
    is_waveform: bool = False
    unreadable: tuple[str, ...] = ()
    coded: Sequence[NDArray[np.generic]] | None = None
    origins: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: NDArray[np.integer]) -> "FeatureSet":
        """The clips at `index`, in that order."""
        return replace(
            self,
            features=[self.features[i] for i in index],
            db_of_step=self.db_of_step[index],
            n_repeats=self.n_repeats[index],
            ids=self.ids[index],
            targets=self.targets[index],
            music=self.music[index],
            splits=self.splits[index],
            groups=self.groups[index],
            embeddings=None if self.embeddings is None else self.embeddings[index],
            soft_targets=None if self.soft_targets is None else self.soft_targets[index],
            counts=None if self.counts is None else self.counts[index],
            n_pieces=None if self.n_pieces is None else self.n_pieces[index],
            paths=None if self.paths is None else self.paths[index],
            lessons=None if self.lessons is None else self.lessons.take(index),
            coded=None if self.coded is None else [self.coded[i] for i in index],
            origins=None if self.origins is None else self.origins[index],
        )

    def from_datasets(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Which clips come from one of these datasets, shape (n_clips,)."""
        return np.isin(self.datasets(), list(names))

    def datasets(self) -> NDArray[np.str_]:
        """The name of the dataset that each clip comes from, shape (n_clips,)."""
        return np.full(len(self), self.name) if self.origins is None else self.origins

    def only_labels(self, labels: Sequence[str]) -> "FeatureSet":
        """The same clips with these labels alone, in this order.

        Raises:
            InputError: one of them is not known to the set.
        """
        unknown = [label for label in labels if label not in self.labels]
        if unknown:
            raise InputError(f"labels: {unknown} are not among {list(self.labels)}")
        columns = [self.labels.index(label) for label in labels]
        return replace(self, labels=tuple(labels), targets=self.targets[:, columns])

    def split(self, name: str) -> "FeatureSet":
        """The clips of one split."""
        return self.take(np.flatnonzero(self.splits == name))

    def pieces(self) -> NDArray[np.intp]:
        """Of how many equally long pieces each clip consists, shape (n_clips,)."""
        return np.ones(len(self), dtype=np.intp) if self.n_pieces is None else self.n_pieces

    def n_frames(self, i: int) -> int:
        """Frames of clip `i` at the model's frame rate."""
        return int(self.features[i].shape[1] * self.n_repeats[i])

    def frames(self, i: int, start: int, stop: int) -> NDArray[np.float32]:
        """Frames start..stop of clip `i` in dB, shape (n_mels, stop - start)."""
        repeats = int(self.n_repeats[i])
        first = start // repeats
        columns = self.features[i][:, first : -(-stop // repeats)].astype(np.float32)
        frames = np.repeat(columns, repeats, axis=1) if repeats > 1 else columns
        begin = start - first * repeats
        cut: NDArray[np.float32] = frames[:, begin : begin + stop - start] * self.db_of_step[i]
        return cut


def join(sets: Sequence[FeatureSet]) -> FeatureSet:
    """Put several sets together; a label that a set does not know is unknown there (NaN).

    Raises:
        InputError: recordings and stored features are mixed.
    """
    if len({part.is_waveform for part in sets}) > 1:
        raise InputError(
            "recordings and stored features cannot be joined as they are; with --features mel"
            " the recordings become features."
        )
    labels = tuple(dict.fromkeys(label for part in sets for label in part.labels))
    targets = [_spread(part, labels) for part in sets]
    return FeatureSet(
        name="+".join(part.name for part in sets),
        labels=labels,
        features=[features for part in sets for features in part.features],
        db_of_step=np.concatenate([part.db_of_step for part in sets]),
        n_repeats=np.concatenate([part.n_repeats for part in sets]),
        ids=np.concatenate([part.ids for part in sets]),
        targets=np.concatenate(targets),
        music=np.concatenate([part.music for part in sets]),
        splits=np.concatenate([part.splits for part in sets]),
        groups=np.concatenate([np.char.add(f"{part.name}/", part.groups) for part in sets]),
        kind="single" if all(part.kind == "single" for part in sets) else "multi",
        embeddings=_embeddings(sets),
        n_pieces=np.concatenate([part.pieces() for part in sets]),
        paths=_paths(sets),
        lessons=join_lessons([(part.lessons, len(part)) for part in sets]),
        is_waveform=all(part.is_waveform for part in sets),
        unreadable=tuple(line for part in sets for line in part.unreadable),
        coded=_coded(sets),
        origins=np.concatenate([np.full(len(part), part.name) for part in sets]),
    )


def _coded(sets: Sequence[FeatureSet]) -> list[NDArray[np.generic]] | None:
    """Coded recordings of all clips; None if no set has any."""
    if all(part.coded is None for part in sets):
        return None
    return [
        clip for part in sets for clip in (part.features if part.coded is None else part.coded)
    ]


def join_again(parts: Sequence[FeatureSet]) -> FeatureSet:
    """Put parts of one joined set together again; labels and names stay."""
    whole = join(parts)
    return replace(
        whole,
        name=parts[0].name,
        groups=np.concatenate([part.groups for part in parts]),
        origins=np.concatenate([part.datasets() for part in parts]),
        soft_targets=_together([part.soft_targets for part in parts]),
        counts=_together([part.counts for part in parts]),
    )


def with_coded_ones(clips: FeatureSet) -> FeatureSet:
    """The clips, and behind them once more as a lossy codec leaves them, if that is known."""
    if clips.coded is None:
        return clips
    return join_again([clips, replace(clips, features=clips.coded)])


def _together(
    arrays: Sequence[NDArray[np.float32] | None],
) -> NDArray[np.float32] | None:
    known = [array for array in arrays if array is not None]
    return np.concatenate(known) if len(known) == len(arrays) else None


def _paths(sets: Sequence[FeatureSet]) -> NDArray[np.str_] | None:
    """Recordings of all clips; None if no set has any."""
    if all(part.paths is None for part in sets):
        return None
    none = [np.full(len(part), "") if part.paths is None else part.paths for part in sets]
    return np.concatenate(none)


def _embeddings(sets: Sequence[FeatureSet]) -> NDArray[np.float32] | None:
    """Embeddings of the sets that have them, NaN for the others; None if none has."""
    given = [part.embeddings for part in sets if part.embeddings is not None]
    if not given:
        return None
    n_dims = given[0].shape[1]
    unknown = [np.full((len(part), n_dims), np.nan, dtype=np.float32) for part in sets]
    return np.concatenate(
        [
            nothing if part.embeddings is None else part.embeddings
            for part, nothing in zip(sets, unknown, strict=True)
        ]
    )


def _spread(one: FeatureSet, labels: tuple[str, ...]) -> NDArray[np.float32]:
    spread = np.full((len(one), len(labels)), np.nan, dtype=np.float32)
    for column, label in enumerate(one.labels):
        spread[:, labels.index(label)] = one.targets[:, column]
    # What is not music has no genre, whoever knows the label.
    spread[one.music == NOT_MUSIC] = 0.0
    return spread


def one_hot(names: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
    """Targets of clips that have one label each, shape (n_clips, n_labels)."""
    targets = np.zeros((len(names), len(labels)), dtype=np.float32)
    for row, name in enumerate(names):
        targets[row, labels.index(name)] = 1.0
    return targets


def many_hot(
    tags: Sequence[Sequence[str]],
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Labels in alphabetical order, and targets of clips that have any number of them."""
    labels = tuple(sorted({tag for row in tags for tag in row}))
    column = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((len(tags), len(labels)), dtype=np.float32)
    for i, row in enumerate(tags):
        targets[i, [column[tag] for tag in row]] = 1.0
    return labels, targets
