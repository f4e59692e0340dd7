"""What the loaders of recordings return, before anything is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError

AUDIO_SUFFIXES = frozenset(
    {
        ".mp3", ".flac", ".ogg", ".oga", ".opus", ".wav", ".au", ".aif", ".aiff", ".m4a",
        ".mp4", ".aac", ".wma", ".ape", ".wv", ".mpc",
    }
)  # fmt: skip
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the user said of a dataset.

    Attributes:
        root: the folder given by --data.
        variant: what stands after the colon in `--dataset mtat:all`; '' for the default.
        metadata: the folder of tables that lie elsewhere, or None.
        seed: of splits that are drawn.
        partial: whether clips that are not there may be left out.
    """

    root: Path
    variant: str = ""
    metadata: Path | None = None
    seed: int = 1
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSet:
    """Recordings with what is known of each; all of them exist.

    Attributes:
        name: the dataset's name, with its variant.
        labels: the labels this set knows, in order.
        paths: one file a clip.
        ids: one name a clip.
        targets: shape (n_clips, n_labels): 1 has it, 0 has it not, NaN unknown.
        splits: 'train', 'valid' or 'test' for each clip.
        groups: clips of one group (artist, album, neighbours) never stand on two sides.
        kind: 'single' (one label a clip) or 'multi'.
        music: shape (n_clips,): 1 music, 0 not music, NaN unknown; None if all is music.
        notices: what was left out, and why, one sentence each.
    """

    name: str
    labels: tuple[str, ...]
    paths: tuple[Path, ...]
    ids: NDArray[np.str_]
    targets: NDArray[np.float32]
    splits: NDArray[np.str_]
    groups: NDArray[np.str_]
    kind: str
    music: NDArray[np.float32] | None = None
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, index: NDArray[np.integer], *notices: str) -> "AudioSet":
        """The clips at `index`, in that order, with what is to be said of the others."""
        return replace(
            self,
            paths=tuple(self.paths[i] for i in index),
            ids=self.ids[index],
            targets=self.targets[index],
            splits=self.splits[index],
            groups=self.groups[index],
            music=None if self.music is None else self.music[index],
            notices=(*self.notices, *notices),
        )


def only_present(clips: AudioSet, where: Where, *, remedy: str) -> AudioSet:
    """Make sure that every recording is there, or leave out what is not if that was allowed.

    Raises:
        InputError: recordings are missing; the message counts and names them.
    """
    is_there = np.array([path.is_file() for path in clips.paths], dtype=bool)
    if is_there.all() and len(clips):
        return clips
    lost = [str(path) for path, there in zip(clips.paths, is_there, strict=True) if not there]
    named = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
    problem = f"{len(lost)} of {len(clips)} recordings are not there ({named})"
    if not where.partial or not is_there.any():
        hint = " --partial goes on without them." if is_there.any() else ""
        raise InputError(f"{clips.name}: {problem}. {remedy}{hint}")
    return clips.take(np.flatnonzero(is_there), f"{problem}: left out.")


def without(clips: AudioSet, broken: Sequence[str], *, why: str) -> AudioSet:
    """Leave out clips that are known to be no use, and name them."""
    known = np.isin(clips.ids, list(broken))
    if not known.any():
        return clips
    named = ", ".join(clips.ids[known].tolist())
    return clips.take(np.flatnonzero(~known), f"left out, {why}: {named}.")


def audio_files(folder: Path) -> list[Path]:
    """Audio files anywhere below a folder, sorted, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def first_with(root: Path, candidates: Sequence[str], *, holds: str) -> Path | None:
    """The first of `root / candidate` in which `holds` exists, or None."""
    return next(
        (root / candidate for candidate in candidates if (root / candidate / holds).exists()),
        None,
    )


def check_variant(name: str, variant: str, known: Sequence[str]) -> str:
    """The variant, or the first known one where none was asked for.

    Raises:
        InputError: it is none of the known ones; `known` is ("",) where there is none.
    """
    if variant and not any(known):
        raise InputError(f"--dataset {name}:{variant}: {name} has no variants.")
    if variant and variant not in known:
        raise InputError(f"--dataset {name}:{variant}: the variants are {', '.join(known)}.")
    return variant or known[0]
