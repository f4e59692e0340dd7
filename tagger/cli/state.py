"""The state's file on the command line, and writing that can be undone."""

import contextlib
import os
import shlex
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.errors import InputError
from tagger.text import sanitise, text_of

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.genres.spelling import Spelling
    from tagger.journal.run import JournalledRun
    from tagger.library.walk import Listing
    from tagger.model.lazy import Scorer
    from tagger.scan.lookup import UnchangedFolder
    from tagger.scan.scan import ScanOptions, Status, TrackResult
    from tagger.state import Store

State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="What is remembered.  [default: in the user's state folder]",
    ),
]


NoState = Annotated[
    bool, typer.Option("--no-state", help="Know nothing, remember nothing, write nothing.")
]
Rescan = Annotated[
    bool, typer.Option("--rescan", help="Listen again to what is known already.")
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Try again what failed in earlier scans.")
]

ScanUntil = Callable[[threading.Event], "Generator[TrackResult | UnchangedFolder, None, None]"]
"""A scan that is ready to begin, and ends when the event is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What of earlier scans counts; the names are those of the options."""

    state: Path | None = None
    no_state: bool = False
    rescan: bool = False
    retry_failed: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What a scan holds while it runs.

    Attributes:
        store: the state; None without one.
        run: writes to files so that it can be undone; None if nothing is to be written.
        past: what of the past counts.
        say: tells people a sentence.
    """

    store: "Store | None"
    run: "JournalledRun | None"
    past: Past
    say: Callable[[str], None]


@contextlib.contextmanager
def held_for_scan(
    past: Past, paths: Sequence[Path], console: "Console", *, write: bool = False
) -> Iterator[Held]:
    """Hold the state that a scan knows of the past, and adds to.

    Raises:
        InputError: without a state nothing can be written, nor known.
        StateError: another process holds it, or it cannot be used.
    """
    say = _sayer(console)
    if not past.no_state:
        with contextlib.ExitStack() as stack:
            store = stack.enter_context(opened_state(past.state, console))
            run = stack.enter_context(new_run(store, "scan", paths)) if write else None
            yield Held(store, run, past, say)
        return
    if write:
        raise InputError(
            "--no-state: what --write-tags changes could not be undone; leave out one of them."
        )
    if past.state is not None or past.rescan or past.retry_failed:
        raise InputError("--no-state: --state, --rescan and --retry-failed need a state.")
    yield Held(None, None, past, say)


def scan_with(
    held: Held,
    folders: "Iterable[Listing]",
    engine: "Scorer",
    options: "ScanOptions",
    *,
    passing: "frozenset[Status]" = frozenset(),
    tracks_again: "Callable[[], Iterable[Path]] | None" = None,
) -> ScanUntil:
    """The scan of some folders with what is known of them.

    Args:
        held: the state, if there is one.
        folders: what is to be scanned.
        engine: the model.
        options: what to do with what is heard.
        passing: statuses whose files may be counted by folder.
        tracks_again: walks over the same files once more, to see how they spell genres; None
            to write names as the model and the owner spell them.
    """
    from tagger.journal.run import write_unrecorded
    from tagger.scan.cache_key import cache_key_of, sha256_of
    from tagger.scan.cached_scan import scan_library
    from tagger.scan.lookup import RecallOptions
    from tagger.scan.scan import scan
    from tagger.state.scan_cache import Memory

    if tracks_again is not None:
        options = replace(options, spelling=_spelling(held.store, tracks_again))
    writer = held.run.write if held.run else write_unrecorded  # not called to write nothing
    if held.run is not None:
        held.run.model = engine.spec.name
    if held.store is None:
        tracks = (one.folder / entry[0] for one in folders for entry in one.files)
        return lambda stop: scan(tracks, engine, options, stop=stop, writer=writer)
    keys = cache_key_of(options, engine.spec, model=sha256_of(engine.path))
    memory = Memory(held.store, keys, on_notice=held.say)
    recall = RecallOptions(
        rescan=held.past.rescan, retry_failed=held.past.retry_failed, passing=passing
    )
    return lambda stop: scan_library(
        folders, engine, options, memory, recall, stop=stop, writer=writer
    )


def _spelling(
    store: "Store | None", tracks_again: "Callable[[], Iterable[Path]]"
) -> "Spelling":
    """How the files that the state knows spell genres, and where these are few, a sample."""
    from tagger.errors import StateError
    from tagger.genres.spelling import SAMPLE, Spelling, count_sample
    from tagger.state.spellings import Census, census_of

    try:
        census = Census() if store is None else census_of(store, few=SAMPLE)
    except StateError:  # the scan meets it again, and says so
        census = Census()

    def count() -> Mapping[str, int]:
        if (few := census.few) is None:
            return census.counts
        try:  # `resolve` would ask the disk
            tracks = (Path(os.path.abspath(one)) for one in tracks_again())  # noqa: PTH100
        except InputError:  # what was to be scanned is gone by now: the scan says so
            return census.counts
        return Counter(census.counts) + count_sample(tracks, few)

    return Spelling(count)


def _sayer(console: "Console") -> Callable[[str], None]:
    def say(sentence: str) -> None:
        console.print(sanitise(sentence), markup=False, highlight=False, soft_wrap=True)

    return say


@contextlib.contextmanager
def opened_state(state: Path | None, console: "Console") -> Iterator["Store"]:
    """Hold the state, after what a killed run has left was cleared away.

    Raises:
        StateError: another process holds it, or it cannot be used.
    """
    from tagger.journal.recover import settle_open
    from tagger.state import open_store, state_path

    say = _sayer(console)
    with open_store(state or state_path(), on_notice=say) as store:
        if (said := settle_open(store).sentence) is not None:
            say(said)
        yield store


@contextlib.contextmanager
def undoable_run(
    state: Path | None,
    command: str,
    paths: Sequence[Path],
    console: "Console",
    *,
    wanted: bool = True,
) -> Iterator["JournalledRun | None"]:
    """Hold the state for changes to files that `tagger undo` can take back.

    Args:
        state: its file; None for the user's.
        command: scan or apply.
        paths: what it works on, for people.
        console: is told of what an earlier run has left.
        wanted: False if nothing is to be written; then the state is not needed.

    Raises:
        StateError: another process holds the state, or it cannot be used: what could not be
            undone is not done.
    """
    if not wanted:
        yield None
        return
    with opened_state(state, console) as store, new_run(store, command, paths) as run:
        yield run


def new_run(store: "Store", command: str, paths: Sequence[Path]) -> "JournalledRun":
    """A run on a state that is held."""
    from tagger.journal.run import JournalledRun

    about = " ".join(shlex.quote(sanitise(text_of(path))) for path in paths)
    roots = [path.resolve() for path in paths] if command == "scan" else []
    return JournalledRun(store, command, about, roots=roots)
