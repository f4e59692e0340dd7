"""Everything that is written to files goes through here, and through the undo journal.

A few changes are planned, recorded as `planned` in one durable transaction, then made one by
one, and recorded as `done`. Whatever kills the process in between, the next start finds out
from the files what was made (`tagger.journal.recover`).
"""

import contextlib
import logging
import shlex
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Self

from tagger.errors import StateError, TrackError, WriteError
from tagger.journal.history import ChangeStatus
from tagger.journal.record import begin_run, end_run, record, settle
from tagger.state.store import Store
from tagger.text import sanitise, text_of
from tagger.writing.options import WriteRequest
from tagger.writing.replace import PreparedWrite
from tagger.writing.safe_write import plan_write

__all__ = [
    "GROUP", "JournalledRun", "Outcome", "Outcomes", "Plan", "WriteRequest", "Writer",
    "new_run", "write_in_run", "write_unrecorded",
]  # fmt: skip

log = logging.getLogger(__name__)

GROUP = 8
"""Changes that share one wait for the disk: more gain little, and each holds its bytes."""


Outcome = bool | TrackError
"""True: the file was changed. False: it was so already. An error: it is as it was, and why."""

Plan = Callable[[], PreparedWrite | None]
"""Looks at a file and plans a change to it; None if there is nothing to change."""

Outcomes = Generator[Outcome, None, None]

Writer = Callable[[Sequence[WriteRequest]], Outcomes]
"""Carries out requests one after another; may be closed in between, then the rest is left."""


def write_unrecorded(requests: Sequence[WriteRequest]) -> Outcomes:
    """Carry out requests without a journal: for programs that keep one of their own."""
    for request in requests:
        try:
            planned = plan_write(request)
            if planned is not None:
                with planned:
                    planned.make()
                    planned.commit()
            yield planned is not None
        except TrackError as error:
            yield error


@dataclass(slots=True)
class _Step:
    """One change on its way."""

    planned: PreparedWrite
    undoes: int | None
    number: int = 0


@dataclass(slots=True)
class JournalledRun:
    """One command's changes to files, each in the journal before its file changes.

    Use it in a `with` statement. The run is recorded with its first change.

    Attributes:
        store: the state, held by this process; what an earlier run left open is settled.
        command: scan, apply, undo or write.
        about: its paths, for people.
        model: which model chose the genres, or None.
        roots: the files and folders that it works on, absolute.
        number: of the run, once it has recorded a change.
    """

    store: Store
    command: str
    about: str
    model: str | None = None
    roots: Sequence[Path] = ()
    number: int | None = None
    _late: list[tuple[int, ChangeStatus, str | None, PreparedWrite]] = field(
        default_factory=list
    )

    def write(self, requests: Sequence[WriteRequest]) -> Outcomes:
        """Carry out requests, one outcome each, in order. It is a `Writer`."""
        return self.carry_out([(partial(plan_write, request), None) for request in requests])

    def carry_out(self, plans: Sequence[tuple[Plan, int | None]]) -> Outcomes:
        """Make changes, each with the number of the change that it takes back, or None.

        Yields:
            One outcome a plan, in order. When the generator is closed, what has not begun is
            left as it is.
        """
        while plans:
            group: list[_Step | Outcome] = []
            seen: set[tuple[int, int]] = set()
            for plan, undoes in plans[:GROUP]:
                try:
                    planned = plan()
                except TrackError as error:
                    group.append(error)
                    continue
                if planned is None:
                    group.append(False)
                    continue
                file = (planned.stat.st_dev, planned.stat.st_ino)
                if file in seen:  # planned anew in the next group, as it is then
                    break
                seen.add(file)
                group.append(_Step(planned, undoes))
            yield from self._make_all(self._recorded(group))
            plans = plans[len(group) :]

    def _recorded(self, group: Sequence[_Step | Outcome]) -> Sequence[_Step | Outcome]:
        """Make the plans durable; the run too, if they are its first."""
        steps = [step for step in group if isinstance(step, _Step)]
        if not steps:
            return group
        try:
            # One wait for the disk for the whole group, before its first file changes.
            with self.store.transaction(durable=True) as connection:
                number = self.number or begin_run(
                    connection, self.command, self.about, self.model, roots=self.roots
                )
                for step in steps:
                    step.number = record(connection, number, step.planned, step.undoes)
        except StateError as error:
            return [_unrecorded(step, error) for step in group]
        self.number = number
        return group

    def _make_all(self, group: Sequence[_Step | Outcome]) -> Outcomes:
        """Make what was recorded, and record what became of it once that is certain."""
        left = [step for step in group if isinstance(step, _Step)]
        try:
            for step in group:
                if not isinstance(step, _Step):  # the outcome of what cannot be done
                    yield step
                    continue
                left.remove(step)
                outcome: Outcome = True
                try:
                    step.planned.make()
                    step.planned.commit()
                except TrackError as error:
                    outcome = error
                self._note(step, outcome)
                yield outcome
        except GeneratorExit:
            for step in left:
                self._late.append((step.number, "failed", "it was stopped", step.planned))
            raise
        finally:
            self._settle()

    def _note(self, step: _Step, outcome: Outcome) -> None:
        """Keep what became of a change until it is recorded with the others of its group."""
        if not step.planned.is_left:  # else it stays open, so that the next start removes it
            # A change that is in place counts as done, even where making it durable failed.
            status: ChangeStatus = "done" if step.planned.is_placed else "failed"
            reason = None if outcome is True else str(outcome)
            self._late.append((step.number, status, reason, step.planned))

    def _settle(self) -> None:
        """Record what became of changes; it need not be durable, the files tell it too."""
        if not self._late:
            return
        try:
            with self.store.transaction() as connection:
                for number, status, reason, planned in self._late:
                    settle(connection, number, status, reason=reason, new=planned.made)
        except StateError as error:  # tried again with the next ones, and at the next start
            log.warning("%s", error)
            return
        self._late.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._settle()
        if self.number is not None:
            # Only the end of the run is lost with it; its changes stand in the journal.
            with contextlib.suppress(StateError), self.store.transaction() as connection:
                end_run(connection, self.number)


def new_run(store: Store, command: str, paths: Sequence[Path]) -> JournalledRun:
    """A run on a state that is held.

    Args:
        store: the state.
        command: what writes: scan, apply, undo or write.
        paths: what it works on, for people; a scan's files are looked for there later.
    """
    # Kept as text for people: a name that is no UTF-8 could not be stored otherwise.
    about = " ".join(shlex.quote(sanitise(text_of(path))) for path in paths)
    roots = [path.resolve() for path in paths] if command == "scan" else []
    return JournalledRun(store, command, about, roots=roots)


def write_in_run(
    store: Store,
    command: str,
    requests: Iterable[WriteRequest],
    *,
    reason: str,
    model: str | None,
) -> Iterator[Outcome]:
    """Carry out requests in a run of their own, one outcome each, in their order.

    Args:
        store: the state.
        command: what writes.
        requests: taken a few at a time.
        reason: stands beside the run for people.
        model: which one chose the genres, or None.
    """
    with new_run(store, command, []) as run:
        run.about, run.model = reason, model
        left = iter(requests)
        while group := list(islice(left, GROUP)):
            yield from run.write(group)


def _unrecorded(step: _Step | Outcome, error: StateError) -> Outcome:
    """What cannot be undone is not done."""
    if not isinstance(step, _Step):
        return step
    return WriteError(
        f"{step.planned.path}: not written, since how to undo it cannot be recorded: {error}"
    )
