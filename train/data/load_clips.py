"""Names on the command line -> one set of clips that a network can be fitted to."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from tagger.errors import InputError
from tagger.scan.records import ListenOptions
from train.config.config import FOLDS, TrainConfig
from train.data.coded import with_coded
from train.data.pictures import write_pictures
from train.data.prepare import as_features, look_at, prepare, waveform_of
from train.data.progress import progress_lines
from train.data.store import Recipe
from train.data.turns import turn
from train.datasets.audio import AudioSet, Where
from train.datasets.base import FeatureSet, join
from train.datasets.dataset import Dataset
from train.datasets.registry import DATASETS, dataset_of
from train.features.mel import MelFrontEnd, MelOptions

Say = Callable[[str], None]
Follow = Callable[[str], Callable[[int, int], None]]


def load_clips(config: TrainConfig, data: Path, *, prepared: Path, say: Say) -> FeatureSet:
    """All datasets of a configuration as one set.

    Recordings are prepared first, if they were not; beside stored features they become
    features themselves.

    Args:
        config: the run.
        data: the folder that holds the datasets.
        prepared: where stores of decoded recordings are kept.
        say: told what was left out and how far it is.

    Raises:
        InputError: data are missing, or stored features meet a front end that is not mel.
    """
    # A set is called what the configuration calls it: figures are chosen by that name.
    sets = [
        replace(load_one(name, config, data, prepared=prepared, say=say), name=name)
        for name in config.datasets
    ]
    if all(part.is_waveform for part in sets):
        return join(sets)
    if config.features != "mel":
        stored = [part.name for part in sets if not part.is_waveform]
        raise InputError(
            f"--features {config.features}: {', '.join(stored)} is stored log-mel features,"
            " from which only the front end `mel` can be trained; take recordings instead."
        )
    if config.features_options.compression != "db":
        raise InputError(
            "features_options.compression: stored features are in dB, below each clip's own"
            " maximum; `log` needs recordings."
        )
    return join([with_features(part, config) if part.is_waveform else part for part in sets])


def load_to_learn(config: TrainConfig, data: Path, *, prepared: Path, say: Say) -> FeatureSet:
    """What `load_clips` gives, and what augmentation asks for besides."""
    clips = load_clips(config, data, prepared=prepared, say=say)
    if config.augment.codec == 0:
        return clips
    if not clips.is_waveform:
        say("augment.codec: takes recordings; stored features are learned as they are")
        return clips
    return with_coded(clips, prepared, recipe_for(config), say=say)


def load_one(
    name: str, config: TrainConfig, data: Path, *, prepared: Path, say: Say
) -> FeatureSet:
    """One dataset by its name, as in `mtat:all`; says which it is, features or recordings."""
    chosen = dataset_of(name)
    if name in chosen.old_names:
        say(f"{name} is called {chosen.name} now; fma:small are the recordings")
        name = chosen.name
    say(f"{name}: {chosen.gives}")
    try:
        if chosen.gives != "recordings":
            return _features(chosen, where_of(config, data, variant_in(name)))
        return _prepared(name, config, data, prepared=prepared, say=say)[0]
    except InputError as error:
        stored = _stored_beside(chosen, data)
        if stored is None:
            raise
        raise InputError(
            f"{error} The stored features that lie there are the dataset {stored}."
        ) from error


def variant_in(name: str) -> str:
    """What stands behind the colon in a name, '' for nothing."""
    return name.partition(":")[2]


def _features(chosen: Dataset, where: Where) -> FeatureSet:
    clips = chosen.load(where)
    if not isinstance(clips, FeatureSet):
        raise TypeError(f"{chosen.name}: gives {chosen.gives!r}, but its loader recordings")
    return clips


def _stored_beside(chosen: Dataset, data: Path) -> str | None:
    """The set whose stored features of these recordings lie below `data`."""
    return next(
        (
            dataset.name
            for dataset in DATASETS.values()
            if dataset.recordings == chosen.name and (data / dataset.store).is_file()
        ),
        None,
    )


def prepare_dataset(
    config: TrainConfig,
    data: Path,
    *,
    prepared: Path,
    pictures: Path | None,
    n_jobs: int | None,
    say: Say,
    follow: Follow | None = None,
) -> Path:
    """Decode one dataset, and write pictures of it if a folder for them is given.

    Args:
        config: its one dataset, as in `mtat:all`; the front end's sample rate counts.
        data: the folder that holds the dataset.
        prepared: where stores of decoded recordings are kept.
        pictures: where spectrograms are written, or None.
        n_jobs: decoding threads; None for one a core.
        say: told what is left out, and how far it is if nobody follows.
        follow: given what is counted, returns what is told how far it is; None for `say`.

    Returns:
        The store's folder.

    Raises:
        InputError: the options or the data cannot be used.
    """
    (name,) = config.datasets
    follow = follow or partial(progress_lines, say)
    clips, folder = _prepared(
        name, config, data, prepared=prepared, n_jobs=n_jobs, say=say, follow=follow
    )
    say(f"{folder}: {len(clips)} clips of {clips.name}")
    if pictures is not None:
        options = config.features_options
        if not isinstance(options, MelOptions):
            raise InputError("--pictures draws log-mel spectrograms: features must be mel.")
        n = write_pictures(clips, pictures, options=options, tell=follow("pictures"))
        say(f"{pictures}: {n} pictures")
    return folder


def _prepared(
    name: str,
    config: TrainConfig,
    data: Path,
    *,
    prepared: Path,
    say: Say,
    n_jobs: int | None = None,
    follow: Follow | None = None,
) -> tuple[FeatureSet, Path]:
    """Prepare a dataset of recordings; returns its clips and the store's folder."""
    clips = find_recordings(name, config, data)
    for notice in clips.notices:
        say(f"{clips.name}: {notice}")
    recipe = recipe_for(config)
    folder = prepared / store_name(name, data, recipe)
    tell = (follow or partial(progress_lines, say))(f"preparing {clips.name}")
    with turn([folder], say=say):
        # Once: a library lives on while it is decoded, and its files go or are tagged anew.
        seen = look_at(clips)
        result = prepare(clips, folder, recipe, seen=seen, n_jobs=n_jobs, tell=tell)
        features = as_features(clips, folder, recipe, seen=seen)
    for line in result.unreadable:
        say(f"left out, unreadable: {line}")
    return features, folder


def find_recordings(name: str, config: TrainConfig, data: Path) -> AudioSet:
    """The recordings of one dataset.

    Raises:
        InputError: the dataset is none of recordings, or data are missing.
    """
    chosen, where = dataset_of(name), where_of(config, data, variant_in(name))
    clips = chosen.load(where) if chosen.gives == "recordings" else None
    if not isinstance(clips, AudioSet):
        known = [one.name for one in DATASETS.values() if one.gives == "recordings"]
        raise InputError(f"--dataset {name}: has no recordings; known: {', '.join(known)}.")
    return clips


def where_of(config: TrainConfig, data: Path, variant: str) -> Where:
    """What the configuration says of a dataset's place."""
    return Where(
        root=data,
        variant=variant,
        metadata=Path(config.metadata) if config.metadata else None,
        seed=config.split_seed,
        partial=config.partial,
    )


def recipe_for(config: TrainConfig) -> Recipe:
    """How recordings are decoded for a run.

    Of a longer one the surroundings of the windows that a scan hears are kept, if there is
    room for more than these windows.
    """
    options, n_windows = config.features_options, ListenOptions().n_windows
    has_room = config.longest_s * options.sample_rate > n_windows * options.window_len
    return Recipe(
        sample_rate=options.sample_rate,
        longest_s=config.longest_s,
        n_pieces=n_windows if has_room else 1,
    )


def store_name(name: str, data: Path, recipe: Recipe) -> str:
    """A folder's name for a dataset at one place and rate."""
    place = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:8]
    return f"{name.replace(':', '-')}-{recipe.sample_rate}-{place}"


@torch.no_grad()
def with_features(clips: FeatureSet, config: TrainConfig) -> FeatureSet:
    """Recordings as log-mel features in dB, to be joined with stored ones."""
    front_end = MelFrontEnd(config.features_options).eval()
    shortest = config.features_options.n_fft
    features = []
    for i in range(len(clips)):
        waveform = waveform_of(clips, i)
        padded = waveform if len(waveform) >= shortest else np.resize(waveform, shortest)
        features.append(front_end(torch.from_numpy(padded)[None])[0].numpy().astype(np.float16))
    return replace(
        clips,
        features=features,
        db_of_step=np.ones(len(clips), dtype=np.float32),
        is_waveform=False,
    )


def resolved(config: TrainConfig, clips: FeatureSet, *, say: Say) -> TrainConfig:
    """The configuration with what it left to the data.

    Clips with several labels are learned with sigmoids, whatever was asked for; recordings
    with a split `valid` calibrate on it instead of folds, which take a fit each.
    """
    if clips.kind == "multi" and config.kind == "single":
        say(f"{clips.name}: several labels a clip, so kind=multi")
        config = replace(config, kind="multi")
    chosen = config.calibration
    if chosen.folds < 0:
        has_valid = bool((clips.splits == "valid").any())
        chosen = replace(chosen, folds=0 if clips.is_waveform and has_valid else FOLDS)
    if chosen.source == "auto":
        chosen = replace(chosen, source="out-of-fold" if chosen.folds else "valid")
    return replace(config, calibration=chosen)


def check_learnable(clips: FeatureSet) -> None:
    """Make sure that there is something to learn in each label.

    Raises:
        InputError: there is no clip, one label only, or labels without a clip in train; the
            labels are named.
    """
    if len(clips) == 0:
        raise InputError(f"{clips.name}: the split `train` has no clip.")
    if len(clips.labels) < 2 and clips.kind == "single":
        raise InputError(f"{clips.name}: one label only ({', '.join(clips.labels)}).")
    absent = _without_clip(clips)
    if absent:
        raise InputError(
            f"{clips.name}: no clip in train for {', '.join(absent)}; a network cannot learn"
            " what it never hears. Leave the label out, or add clips."
        )


def _without_clip(clips: FeatureSet) -> Sequence[str]:
    counts = np.nansum(clips.targets, axis=0)
    return [label for label, count in zip(clips.labels, counts, strict=True) if count == 0]
