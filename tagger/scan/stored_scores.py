"""What is stored of a file -> records of this scan, and back."""

import json
from pathlib import Path

from tagger.errors import DecodeError, TagError, TrackError
from tagger.genres.target_fields import GENRE
from tagger.library.listing import Entry
from tagger.scan.context import Cache, ScanContext
from tagger.scan.records import Inspected, TrackScores
from tagger.state.records import Result, StoredFile
from tagger.tags import TagInfo

INCONSISTENT = "@unsettled"
"""Beside the fields where `TagInfo.is_consistent` is False; no field can be called so."""


def tags_of(stored: StoredFile) -> TagInfo | None:
    """The tags as they were read; None if that had failed."""
    if stored.container is None:
        return None
    values = {name: tuple(texts) for name, texts in json.loads(stored.tags).items()}
    is_consistent = values.pop(INCONSISTENT, None) is None
    genres = values.pop(GENRE)
    return TagInfo(stored.container, genres, stored.unwritable, values, is_consistent)


def text_of_tags(tags: TagInfo | None) -> str:
    """What is stored of a file's tags."""
    if tags is None:
        return "{}"
    inconsistent: dict[str, tuple[str, ...]] = {} if tags.is_consistent else {INCONSISTENT: ()}
    return json.dumps({GENRE: tags.genres, **tags.others, **inconsistent})


def stored_scores(
    path: Path, content: bytes | None, result: Result, scan: ScanContext
) -> TrackScores | None:
    """A stored result, as if it had just been scored.

    Args:
        path: the file.
        content: digest of its audio.
        result: what is stored of that.
        scan: says whether its embedding is needed.

    Returns:
        None if the embedding is needed and is not stored; silence has none.
    """
    import numpy as np  # noqa: PLC0415 - an unchanged folder needs no scores

    scores = TrackScores(
        path,
        None if result.scores is None else np.frombuffer(result.scores, np.float32),
        result.n_windows,
        result.n_silent,
        result.duration_s,
    )
    if scan.recall.needs_embedding and scores.scores is not None:
        stored = None if content is None else scan.cache.embedding(content)
        if stored is None:
            return None
        scores.embedding = np.frombuffer(stored, np.float16).astype(np.float32)
    return scores


def store(inspected: Inspected, scores: TrackScores, cache: Cache, entry: Entry) -> None:
    """Store what was found out about a file.

    Args:
        inspected: what was seen of it.
        scores: how it was scored.
        cache: where.
        entry: what a listing would say of it.
    """
    path, error, tags = inspected.path, scores.error, inspected.tags
    if error is not None and not _is_lasting(path, error):
        return
    cache.store_file(
        path.parent,
        entry,
        container=None if tags is None else tags.container,
        tags=text_of_tags(tags),
        unwritable=None if tags is None else tags.unwritable,
        content=inspected.content,
        error=None if error is None else str(error).removeprefix(f"{path}: "),
    )
    if inspected.needs_scores and inspected.content and error is None:
        values = None if scores.scores is None else scores.scores.tobytes()
        result = Result(values, scores.n_windows, scores.n_silent, scores.duration_s)
        kept = None if scores.embedding is None else scores.embedding.astype("float16")
        embedding = None if kept is None else kept.tobytes()
        cache.store_result(inspected.content, result, embedding)


def _is_lasting(path: Path, error: TrackError) -> bool:
    """Whether it is the file that is to blame, not its disk, share or permissions, nor us."""
    if not isinstance(error, DecodeError | TagError):
        return False
    try:
        with path.open("rb") as file:
            # A file that cannot be opened now has not shown what is in it: it is tried again.
            file.read(1)
    except OSError:
        return False
    return True
