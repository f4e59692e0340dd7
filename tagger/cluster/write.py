"""Change tags of objects: each only if it is still the one that was read, and to be undone.

An object is copied into a temporary file, the change is planned and made there by the writer of
local files (a second copy that our readers and mutagen compare with the first, the audio by its
hash), recorded in the journal, and only then put in the object's place, on the condition that
its ETag is the one that was read. The files of a folder are changed where they lie.
"""

import errno
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.cluster.journal import ObjectJournal
from tagger.cluster.journal_rows import ObjectChange
from tagger.cluster.problems import objects_asked, problem_of, room_sentence
from tagger.cluster.records import ObjectEntry
from tagger.cluster.replaceable import (
    FolderObjects,
    ObjectVersion,
    Replaceable,
    fetch,
    url_of,
)
from tagger.cluster.scratch import scratch_folder
from tagger.cluster.settled import what_became
from tagger.errors import StateError, TrackError, WriteError
from tagger.journal.reverse_patch import pack
from tagger.writing.replace import PreparedWrite
from tagger.writing.safe_write import plan_write

if TYPE_CHECKING:
    from tagger.journal.run import Outcome, WriteRequest

GROUP = 8
"""Changes that share one part of the journal."""

N_THREADS = 4
"""Objects of a group that are copied, or put, at once: a store answers late and not slowly."""

GROUP_LEN = 512 << 20
"""Bytes of temporary copies after which a group is full."""

_MARGIN = 64 << 20
"""Bytes that are left free on the disk of temporary copies."""

Plan = Callable[[Path], PreparedWrite | None]
"""Looks at the copy of an object and plans a change to it; None if there is none to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectWriteOptions:
    """How objects are changed.

    Attributes:
        max_len: bytes of an object that is copied.
        unsafe_overwrite: put without a condition: what somebody changes meanwhile is lost.
        scratch: the folder of temporary copies; None for the system's.
    """

    max_len: int = 2 << 30
    unsafe_overwrite: bool = False
    scratch: Path | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One object that is to be changed.

    Attributes:
        entry: of the version that was read.
        plan: what is to be changed.
        about: stands in the journal beside the change.
    """

    entry: ObjectEntry
    plan: Plan
    about: str = ""


@dataclass(frozen=True, slots=True)
class ObjectOutcome:
    """What became of an object.

    Attributes:
        entry: as it is now, as far as that is known.
        outcome: True if it was changed, False if it was so already, else why it was not.
    """

    entry: ObjectEntry
    outcome: "Outcome"


@dataclass(slots=True)
class _Step:
    """One change on its way."""

    job: Job
    planned: PreparedWrite
    version: ObjectVersion
    kept: dict[str, Any]
    change: ObjectChange = field(init=False)


@dataclass(frozen=True, slots=True)
class ObjectWriter:
    """Changes objects of a place, one process's part of a run.

    Attributes:
        target: the objects.
        journal: where each change is recorded before it is made.
        options: how.
    """

    target: Replaceable
    journal: ObjectJournal
    options: ObjectWriteOptions = ObjectWriteOptions()

    def write(
        self, requests: Iterable[tuple[ObjectEntry, "WriteRequest", str]]
    ) -> Iterator[ObjectOutcome]:
        """Carry out requests, one outcome each, in order.

        Args:
            requests: the version that was read, what it shall hold (the path in it does not
                count), and what the journal shall keep beside the change.
        """
        return self.carry_out(
            Job(request, _plan_of(what), about) for request, what, about in requests
        )

    def carry_out(self, jobs: Iterable[Job]) -> Iterator[ObjectOutcome]:
        """Make changes that somebody else plans, one outcome each, in order."""
        group: list[Job] = []
        n_bytes = 0
        for job in jobs:
            if group and (len(group) == GROUP or n_bytes + job.entry.size > GROUP_LEN):
                yield from self._carry_out_group(group)
                group, n_bytes = [], 0
            group.append(job)
            n_bytes += job.entry.size
        if group:
            yield from self._carry_out_group(group)

    def _carry_out_group(self, group: list[Job]) -> Iterator[ObjectOutcome]:
        """Copy and plan all, record, make; the copies are removed in any case."""
        with ExitStack() as stack, ThreadPoolExecutor(N_THREADS, "objects") as pool:
            begun = list(pool.map(partial(self._begun, stack=stack), group))
            steps = [step for step in begun if isinstance(step, _Step)]
            try:
                self._record(steps)
            except StateError as error:
                begun = [_unrecorded(self.target, step, error) for step in begun]
            yield from pool.map(self._ended, begun)

    def _ended(self, step: _Step | ObjectOutcome) -> ObjectOutcome:
        return self._made(step) if isinstance(step, _Step) else step

    def _begun(self, job: Job, stack: ExitStack) -> _Step | ObjectOutcome:
        """A change with its proven copy, or why there is none."""
        entry = job.entry
        url = url_of(self.target.place, entry.key)
        try:
            with objects_asked(url, WriteError):
                path, version = self._copied(entry, stack)
                planned = _renamed(path, url, lambda: job.plan(path))
                if planned is None:
                    return ObjectOutcome(entry, outcome=False)
                kept = self.target.kept(entry.key, version)
                stack.enter_context(planned)
                _renamed(path, url, planned.make)
        except TrackError as error:
            return ObjectOutcome(entry, error)
        return _Step(job, planned, version, kept)

    def _copied(self, entry: ObjectEntry, stack: ExitStack) -> tuple[Path, ObjectVersion]:
        """A file with the version of an object that was read; of a folder the file itself.

        Raises:
            WriteError: it is too large, or there is no room.
        """
        target, options = self.target, self.options
        url, was = url_of(target.place, entry.key), ObjectVersion(entry.etag, entry.size)
        if isinstance(target, FolderObjects):
            return target.checked(entry.key, was), was
        if entry.size > options.max_len:
            raise WriteError(
                f"{url}: it has {entry.size:,} bytes, more than the {options.max_len:,} that"
                " are copied to be changed; it is left as it is. --max-object allows more."
            )
        folder = stack.enter_context(scratch_folder(options.scratch))
        if shutil.disk_usage(folder).free < 2 * entry.size + _MARGIN:
            raise WriteError(room_sentence(url, folder.parent, 2 * entry.size))
        path = folder / f"object{Path(entry.key).suffix}"
        return path, fetch(target.place, entry.key, was, path)

    def _record(self, steps: list[_Step]) -> None:
        """Make the plans durable."""
        is_folder = isinstance(self.target, FolderObjects)
        changes = [
            ObjectChange(
                id="",
                key=step.job.entry.key,
                old=step.version,
                was=step.planned.was,
                becomes=step.planned.becomes,
                before=step.planned.before,
                after=step.planned.after,
                reverse=pack(step.planned.patches, step.planned.undo),
                temp=step.planned.temp.name if is_folder else "",
                about=step.job.about,
            )
            for step in steps
        ]
        if changes:
            for step, change in zip(steps, self.journal.plan(changes), strict=True):
                step.change = change

    def _made(self, step: _Step) -> ObjectOutcome:
        """Put a copy in its object's place, and record what became of it once that is known."""
        entry, change = step.job.entry, step.change
        url = url_of(self.target.place, entry.key)
        try:
            new = self._put(step)
        except Exception as error:  # noqa: BLE001 - `problem_of` raises what is no answer
            problem = error if isinstance(error, TrackError) else problem_of(error, url)
            # An answer that was lost on the way, or a repeated request that met its own first
            # try, says nothing: the object does.
            settled = what_became(self.target, change, str(problem))
            self.journal.settle(settled)
            if settled.status != "done" or settled.new is None:
                return ObjectOutcome(entry, problem)
            new = settled.new
        else:
            self.journal.settle(replace(change, status="done", new=new))
        return ObjectOutcome(_entry_of(entry, new), outcome=True)

    def _put(self, step: _Step) -> ObjectVersion:
        key, target = step.job.entry.key, self.target
        if isinstance(target, FolderObjects):
            return target.commit(key, step.planned)
        was = None if self.options.unsafe_overwrite else step.version
        return target.put(key, step.planned.temp, was, step.kept)


def _plan_of(request: "WriteRequest") -> Plan:
    """The change of a request, to whatever file is a copy of the object."""

    def plan(path: Path) -> PreparedWrite | None:
        return plan_write(replace(request, path=path))

    return plan


def _renamed(path: Path, url: str, step: Callable[[], Any]) -> Any:
    """What a step gives; its errors name the object instead of its temporary copy."""
    try:
        return step()
    except TrackError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise WriteError(room_sentence(url, path.parent, 0)) from None
        raise type(error)(str(error).replace(str(path), url)) from error


def _entry_of(entry: ObjectEntry, new: ObjectVersion) -> ObjectEntry:
    return replace(entry, etag=new.etag, size=new.size, modified=datetime.now(UTC))


def _unrecorded(
    target: Replaceable, step: _Step | ObjectOutcome, error: StateError
) -> ObjectOutcome:
    """What cannot be undone is not done."""
    if not isinstance(step, _Step):
        return step
    url = url_of(target.place, step.job.entry.key)
    return ObjectOutcome(
        step.job.entry,
        WriteError(f"{url}: not written, since how to undo it cannot be recorded: {error}"),
    )
