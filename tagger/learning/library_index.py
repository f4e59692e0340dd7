"""A library -> an index: of everything that the state knows, or of some files and folders."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from tagger.errors import InputError
from tagger.learning.gather import OnTrack, with_embeddings
from tagger.learning.present import Present
from tagger.learning.similar import Index, Match, index_of, load_index, save_index, search
from tagger.library.walk import check_exists
from tagger.scan.cache_key import embedding_source
from tagger.scan.observer import Say, say_nothing
from tagger.state.embeddings import stamp_of, stored_embeddings
from tagger.text import text_of

if TYPE_CHECKING:
    from tagger.api import Tagger


def index_of_state(tagger: "Tagger", *, on_notice: Say = say_nothing) -> Index:
    """Everything with an embedding of the model; what was indexed before is mapped.

    Args:
        tagger: with the model, and a state.
        on_notice: told, in a sentence, that the index cannot be kept.

    Raises:
        InputError: the model gives no embedding, or the state has none of it.
    """
    n_embedding = _width(tagger)
    store = tagger.held_state()
    source = embedding_source(tagger.spec, tagger.model_sha)
    file = store.path.with_name(f"{store.path.name}.similar.npy")
    # With the network's name: another model leaves the numbers of the state alone.
    stamp = (*stamp_of(store, source), crc32(source.encode()))
    if (stored := load_index(file, stamp=stamp)) is not None:
        return stored
    rows = (
        (str(embedding.path), np.frombuffer(embedding.vector, np.float16), embedding.duration_s)
        for embedding in stored_embeddings(store, source)
    )
    index = index_of(rows, n_embedding=n_embedding)
    if not index.paths:
        raise InputError(
            f"{store.path}: no track has an embedding of {tagger.spec.name} yet; `tagger scan"
            " --score-all PATH` stores them, or name files and folders."
        )
    try:
        save_index(index, file, stamp=stamp)
    except OSError as error:
        on_notice(
            f"{file}: what is compared cannot be kept ({error.strerror}), so it is gathered"
            " again each time."
        )
    return index


def index_of_paths(
    tagger: "Tagger", paths: Sequence[Path], *, on_track: OnTrack | None = None
) -> Index:
    """The tracks in some files and folders, decoded where the state does not know them.

    Raises:
        InputError: the model gives no embedding, or there is no audio file.
    """
    n_embedding = _width(tagger)
    rows = []
    for result in with_embeddings(tagger, paths):
        if on_track is not None:
            on_track(result)
        if result.embedding is not None:
            rows.append((str(result.path), result.embedding, result.duration_s))
    return index_of(rows, n_embedding=n_embedding)


def check_track(track: Path) -> None:
    """Check, before anything is read, that what is searched for may be a track.

    Raises:
        InputError: there is no such file, or it is a folder.
    """
    check_exists(track)
    if track.is_dir():
        raise InputError(f"{track}: it is a folder, not a track; name one audio file.")


def similar_to(
    tagger: "Tagger", track: Path, index: Index, *, top: int, present: Present | None = None
) -> list[Match]:
    """The tracks of an index that are most like one, without itself and what is not there.

    Args:
        tagger: with the model of the index.
        track: the file.
        index: what is searched.
        top: how many are wanted.
        present: learns which of the files that come before the last one are not there.

    Raises:
        InputError: there is no such file, or it is a folder.
        DecodeError: the track cannot be read, or is silent.
    """
    check_track(track)
    direction = index.direction(tagger.embed(track))
    place, present = track.resolve(), present or Present()
    # One more, since the track itself is likely among them.
    n_asked = top + 1
    while True:
        matches = [
            match
            for match in search(index, direction, top=n_asked)
            if present.has(match.path) and match.path.resolve() != place
        ]
        if len(matches) >= top or n_asked >= len(index.paths):
            return matches[:top]
        n_asked *= 4  # many are not there: further down, until enough are


def write_m3u(path: Path, matches: Sequence[Match], *, track: Path) -> None:
    """Write a playlist: the track, then what is like it.

    Raises:
        InputError: it cannot be written.
    """
    names = [track.resolve(), *(match.path.resolve() for match in matches)]
    lines = ["#EXTM3U", *map(text_of, names)]
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}).") from error


def _width(tagger: "Tagger") -> int:
    if tagger.spec.embedding is None:
        raise InputError(
            f"{tagger.path}: this model gives no embedding, by which tracks are compared; use"
            " one that does, such as the model that ships."
        )
    return tagger.spec.embedding
