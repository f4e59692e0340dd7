"""Labels from a few examples: a folder a label, and other music that stands for the rest."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tagger.errors import InputError
from tagger.learning.gather import Gathered
from tagger.learning.table import LabelledTrack
from tagger.state.embeddings import StoredEmbedding

FEW_MIN_TRACKS = 5
"""Tracks that a folder of examples needs."""

FEW_PENALTIES = (3.0, 0.3)
"""A few examples choose no penalty among many."""

MAX_BACKGROUND = 2000
"""Tracks that stand for all other music."""

_MOST_FOLDS = 30


def example_folders(folder: Path) -> dict[Path, str]:
    """The folders of a folder, with the labels that their names are.

    Raises:
        InputError: there is none.
    """
    if not folder.is_dir():
        raise InputError(f"--examples {folder}: there is no such folder.")
    labels = {
        entry.resolve(): entry.name
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }
    if not labels:
        raise InputError(
            f"--examples {folder}: it holds no folders; make one for each label, named like it,"
            f" with {FEW_MIN_TRACKS} tracks or more by two artists in it."
        )
    return labels


def n_folds_of(tracks: Sequence[LabelledTrack]) -> int:
    """As many folds as artists, so that each is left out alone; of many artists, fewer."""
    artists = {track.artist for track in tracks if track.origin == "example"}
    return max(2, min(len(artists), _MOST_FOLDS))


def add_background(gathered: Gathered, stored: Iterable[StoredEmbedding]) -> None:
    """Add an even sample of what the state knows, as music without the labels.

    Args:
        gathered: the examples; what is the same audio is no other music, wherever it lies.
        stored: every file with an embedding of the base model.
    """
    examples = {track.path.resolve() for track in gathered.tracks}
    # Examples are copied from the library: there they would be the surest counter-examples.
    vectors = {row.astype(np.float16).tobytes() for row in gathered.embeddings}
    others = [
        track for track in stored if track.path not in examples and track.vector not in vectors
    ]
    # Every n-th by path: some of every folder, and the same ones each time.
    others = others[:: max(1, len(others) // MAX_BACKGROUND)]
    if not others:
        return
    rows = np.stack([np.frombuffer(other.vector, np.float16) for other in others])
    gathered.tracks += [
        LabelledTrack(other.path, f"folder {other.path.parent}", (), origin="background")
        for other in others
    ]
    gathered.embeddings = np.concatenate([gathered.embeddings, rows.astype(np.float32)])
