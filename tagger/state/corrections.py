"""What the owner has decided about genres of files, and the models that were learned from it.

The rows are made by triggers of `tagger.state.schema`, whenever a change of the journal is made
or taken back: nobody who writes has to think of it.
"""

import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.state.store import Store

_ALL = """
    SELECT id, at_ns, CAST(path AS BLOB), origin, genres, denied FROM correction ORDER BY id
"""
_WRITTEN = """
    SELECT CAST(path AS BLOB), values_before, values_after,
        command = 'scan' OR command = 'write' AND model IS NOT NULL
    FROM change JOIN run ON run.id = change.run
    WHERE status = 'done' AND NOT undone AND undoes IS NULL ORDER BY change.id
"""


@dataclass(frozen=True, slots=True)
class Correction:
    """One decision of the owner.

    Attributes:
        id: a later decision has a higher one.
        at_s: when, in seconds since 1970.
        path: the file, absolute.
        origin: 'apply', 'write' (the service's page) or 'undo'.
        genres: what the file shall hold; empty if only `denied` is known.
        denied: what was taken away from it.
    """

    id: int
    at_s: float
    path: Path
    origin: str
    genres: tuple[str, ...]
    denied: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """How a model was learned.

    Attributes:
        name: of the model.
        at_s: when, in seconds since 1970.
        recipe: paths and options.
        last_correction: the newest correction that it knows of.
    """

    name: str
    at_s: float
    recipe: Mapping[str, Any]
    last_correction: int


def all_corrections(store: Store) -> list[Correction]:
    """Everything that the owner has decided and not forgotten, oldest first.

    Raises:
        StateError: the state cannot be read.
    """
    with store.reading() as connection:
        rows = connection.execute(_ALL).fetchall()
    return [
        Correction(
            number,
            at_ns / 1e9,
            Path(os.fsdecode(path)),
            origin,
            tuple(json.loads(genres)),
            tuple(json.loads(denied)),
        )
        for number, at_ns, path, origin, genres, denied in rows
    ]


def forget_corrections(store: Store, numbers: Collection[int] | None = None) -> int:
    """Forget decisions; the files and the journal stay as they are.

    Args:
        store: held by this process.
        numbers: those that are forgotten; None for all.

    Returns:
        How many there were.
    """
    with store.transaction(durable=True) as connection:
        if numbers is None:
            return connection.execute("DELETE FROM correction").rowcount
        done = [
            connection.execute("DELETE FROM correction WHERE id = ?", (number,)).rowcount
            for number in numbers
        ]
        return sum(done)


def written_by_models(
    store: Store,
) -> dict[Path, tuple[tuple[str, ...], tuple[str, ...]]]:
    """(before, after) of what was written last, is still in force and was a model's, by path.

    A scan's words, or those of a program that writes what a scan has said, not the owner's.
    """
    with store.reading() as connection:
        rows = connection.execute(_WRITTEN).fetchall()
    # Ordered by number: of several changes of a file the last one stays.
    last = {path: row for path, *row in rows}
    return {
        Path(os.fsdecode(path)): (tuple(json.loads(before)), tuple(json.loads(after)))
        for path, (before, after, is_by_model) in last.items()
        if is_by_model
    }


def record_learned(
    store: Store, name: str, recipe: Mapping[str, Any], last_correction: int
) -> None:
    """Remember how a model was learned, in place of how it was before."""
    row = (name, time.time_ns(), json.dumps(recipe), last_correction)
    with store.transaction(durable=True) as connection:
        connection.execute("INSERT OR REPLACE INTO learned VALUES (?, ?, ?, ?)", row)


def learned_models(store: Store) -> Sequence[LearnedModel]:
    """The models that were learned with this state, the newest first."""
    with store.reading() as connection:
        rows = connection.execute("SELECT * FROM learned ORDER BY at_ns DESC").fetchall()
    return [
        LearnedModel(name, at_ns / 1e9, json.loads(recipe), last)
        for name, at_ns, recipe, last in rows
    ]


def n_corrections_since(store: Store, last: int) -> int:
    """How many decisions are newer than one."""
    row = store.one("SELECT count(*) FROM correction WHERE id > ?", (last,))
    return 0 if row is None else int(row[0])


ENOUGH = 50
"""New decisions from which on a model is worth learning again."""


def lesson_due(store: Store) -> str | None:
    """A sentence that offers to learn the newest model again; None until that is worth it."""
    for model in learned_models(store)[:1]:
        n_new = n_corrections_since(store, model.last_correction)
        if n_new >= ENOUGH:
            return (
                f"{n_new} decisions of yours are newer than the model {model.name}: `tagger"
                f" learn --update {model.name}` takes them in."
            )
    return None
