"""Files -> labelled tracks and their embeddings: what a library can teach.

What `tagger` itself has written is a model's word and teaches nothing; what the file held
before does. What the owner has decided in a report or on the page counts more than an old tag.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tagger.errors import TagError
from tagger.genres.rules import fold, spelling_key
from tagger.learning.table import LabelledTrack, Origin
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.records import ListenOptions
from tagger.state.corrections import Correction
from tagger.tags.artist import read_with_artist

if TYPE_CHECKING:
    from tagger.api import Tagger
    from tagger.scan.results import TrackResult

Matrix = NDArray[np.float32]

OnTrack = Callable[["TrackResult"], None]
"""Told of each track that has its embedding, or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSources:
    """What is known of files beside what they hold.

    Attributes:
        corrections: the owner's decisions, oldest first.
        by_scans: (before, after) of what scans wrote last, by path.
        labels: genres that replace those of the file, by path.
        folders: folders whose name is the label of what is in them.
        is_background: all other files stand for other music, whether they have genres or not.
    """

    corrections: Sequence[Correction] = ()
    by_scans: Mapping[Path, tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=dict
    )
    labels: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    folders: Mapping[Path, str] = field(default_factory=dict)
    is_background: bool = False


@dataclass(slots=True)
class Gathered:
    """What was gathered.

    Attributes:
        tracks: those that have an embedding, and genres or refused ones.
        embeddings: theirs, shape (n_tracks, n_embedding).
        n_failed: files that could not be read.
        n_silent: files without a window that is not silent.
        n_unlabelled: files that say nothing.
        n_by_scans: files among these whose genre `tagger` had written itself.
        n_contradictions: genres that were once given and once taken away; the last word counts.
    """

    tracks: list[LabelledTrack] = field(default_factory=list)
    embeddings: Matrix = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    n_failed: int = 0
    n_silent: int = 0
    n_unlabelled: int = 0
    n_by_scans: int = 0
    n_contradictions: int = 0


def gather(
    tagger: "Tagger",
    paths: Iterable[Path],
    *,
    field: str,
    sources: LabelSources,
    on_track: OnTrack | None = None,
) -> Gathered:
    """Read tags, and take embeddings from the state, or decode.

    Args:
        tagger: with the base model.
        paths: files and folders.
        field: whose values are the genres.
        sources: what is known of the files beside what they hold.
        on_track: told of each track.

    Raises:
        InputError: there is no audio file.
    """
    gathered = Gathered()
    decisions = _by_path(sources.corrections)
    gathered.n_contradictions = sum(
        decision.n_contradictions for decision in decisions.values()
    )
    vectors = []
    for result in with_embeddings(tagger, paths):
        if on_track is not None:
            on_track(result)
        if result.status == "failed":
            gathered.n_failed += 1
            continue
        try:
            track = _labelled(result.path, field, sources, decisions, gathered)
        except TagError:
            gathered.n_failed += 1
            continue
        if track is None:
            gathered.n_unlabelled += 1
        elif result.embedding is None:
            gathered.n_silent += 1
        else:
            gathered.tracks.append(track)
            vectors.append(result.embedding)
    if vectors:
        gathered.embeddings = np.stack(vectors).astype(np.float32)
    return gathered


def with_embeddings(tagger: "Tagger", paths: Iterable[Path]) -> "Iterator[TrackResult]":
    """Every file with its embedding, whatever its tags say."""
    options = ScanOptions(score_all=True, listen=ListenOptions(embeddings=True))
    return tagger.scan(paths, options, recall=RecallOptions(needs_embedding=True))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the owner has said of a file, taken together."""

    genres: frozenset[str] | None
    denied: tuple[str, ...]
    n_contradictions: int


def _by_path(corrections: Sequence[Correction]) -> dict[Path, _Decision]:
    """The last word on each genre of each file."""
    grouped: defaultdict[Path, list[Correction]] = defaultdict(list)
    for correction in corrections:
        grouped[correction.path].append(correction)
    return {path: _taken_together(of_one_file) for path, of_one_file in grouped.items()}


def _taken_together(corrections: Sequence[Correction]) -> _Decision:
    denied: dict[str, str] = {}
    given: set[str] = set()
    n_contradictions = 0
    genres = None
    for correction in corrections:  # a later one overrules an earlier one
        for name in correction.genres:
            n_contradictions += denied.pop(fold(name), None) is not None
            given.add(fold(name))
        for name in correction.denied:
            n_contradictions += fold(name) in given
            denied[fold(name)] = name
        if correction.genres:
            genres = frozenset(map(fold, correction.genres))
    return _Decision(genres, tuple(denied.values()), n_contradictions)


def _labelled(
    path: Path,
    field: str,
    sources: LabelSources,
    decisions: Mapping[Path, _Decision],
    gathered: Gathered,
) -> LabelledTrack | None:
    """A file as it is learned from; None if nothing is said of it."""
    place = path.resolve()
    info, artist = read_with_artist(path, field=field)
    genres = info.values(field)
    track = LabelledTrack(path, artist_key(artist, place), genres)
    if (label := _folder_label(place, sources.folders)) is not None:
        return replace(track, genres=(label,), origin="example")
    if sources.is_background:
        return replace(track, origin="background")
    if (given := sources.labels.get(place)) is not None:
        return replace(track, genres=given, origin="correction")
    if (decision := decisions.get(place)) is not None:
        now = set(map(fold, genres))
        denied = tuple(name for name in decision.denied if fold(name) not in now)
        is_decided = decision.genres is not None and decision.genres == now
        origin: Origin = "correction" if is_decided else "tag"
        track = replace(track, denied=denied, origin=origin)
    if track.origin == "tag" and (by_scan := sources.by_scans.get(place)) is not None:
        before, after = by_scan
        # The file still says what a scan wrote: that is our own word.
        if set(map(fold, after)) == set(map(fold, genres)):
            gathered.n_by_scans += 1
            track = replace(track, genres=before)
    return track if track.genres or track.denied else None


def _folder_label(path: Path, folders: Mapping[Path, str]) -> str | None:
    return next((folders[parent] for parent in path.parents if parent in folders), None)


def artist_key(artist: str, path: Path) -> str:
    """What keeps the tracks of an artist together: the name, else the folder."""
    if not artist:
        return f"folder {path.parent}"
    key = spelling_key(artist)
    return key.removeprefix("the") or key
