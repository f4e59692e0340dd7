"""Mean embeddings of tracks, by their audio; bytes in and out, whoever computes them."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tagger.state.store import Store

_PUT = """
    INSERT INTO embedding (content, source, vector, duration_s) VALUES (?, ?, ?, ?)
    ON CONFLICT (content, source) DO UPDATE SET vector = excluded.vector,
        duration_s = excluded.duration_s
"""
EMBEDDING_OF = """
    SELECT vector FROM embedding WHERE content = ?
    AND source = (SELECT id FROM word WHERE text = ?)
"""
_ALL = """
    SELECT folder.path, file.name, vector, duration_s FROM embedding
    JOIN file ON file.content = embedding.content
    JOIN folder ON folder.id = file.folder
    WHERE source = (SELECT id FROM word WHERE text = ?)
    ORDER BY folder.path, file.name
"""
_STAMP = """
    SELECT count(*), coalesce(max(id), 0), (SELECT count(*) FROM file),
        (SELECT coalesce(sum(length(name) + inode % 65521), 0) FROM file)
    FROM embedding WHERE source = (SELECT id FROM word WHERE text = ?)
"""


@dataclass(frozen=True, slots=True)
class StoredEmbedding:
    """A file, and the embedding of its audio.

    Attributes:
        path: the file, as the state knows it.
        vector: float16.
        duration_s: length of the track; None if it is not known.
    """

    path: Path
    vector: bytes
    duration_s: float | None


def put_embedding(
    connection: sqlite3.Connection,
    content: bytes,
    source: int,
    vector: bytes,
    duration_s: float | None,
) -> None:
    """Store the embedding of some audio.

    Args:
        connection: in a transaction.
        content: digest of the audio.
        source: the number of the word for network and windows.
        vector: float16.
        duration_s: length of the track.
    """
    connection.execute(_PUT, (content, source, vector, duration_s))


def stored_embeddings(store: Store, source: str) -> Iterator[StoredEmbedding]:
    """Every file whose audio has an embedding of a network, with it, by path.

    Raises:
        StateError: the state cannot be read.
    """
    with store.reading() as connection:
        for folder, name, vector, duration_s in connection.execute(_ALL, (source,)):
            path = Path(os.fsdecode(folder), os.fsdecode(name))
            yield StoredEmbedding(path, vector, duration_s)


def stamp_of(store: Store, source: str) -> tuple[int, ...]:
    """Other numbers whenever `stored_embeddings` would give something else.

    Raises:
        StateError: the state cannot be read.
    """
    row = store.one(_STAMP, (source,))
    return () if row is None else tuple(map(int, row))


def n_of_other_sources(store: Store, source: str) -> int:
    """How much audio has an embedding of another network, or of other windows, only."""
    row = store.one(
        "SELECT count(DISTINCT content) FROM embedding WHERE content NOT IN (SELECT content"
        " FROM embedding WHERE source = (SELECT id FROM word WHERE text = ?))",
        (source,),
    )
    return 0 if row is None else int(row[0])
