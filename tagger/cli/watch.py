"""`tagger watch`: folders are followed until somebody ends it."""

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import emit_json, sayer, stderr_console, stdout_console
from tagger.cli.device import Where, open_tagger
from tagger.cli.grouped import grouped
from tagger.cli.help import RUN, SHOW, WHAT
from tagger.cli.scan_options import Json, What
from tagger.cli.state import State
from tagger.cli.walk import Exclude
from tagger.errors import InputError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from rich.console import Console

    from tagger.scan.results import TrackResult


Folders = Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders.")]
QuietFor = Annotated[
    float,
    typer.Option(
        min=0.5,
        metavar="S",
        help="A file is whole when it has not changed for so long, in seconds.",
        rich_help_panel=WHAT,
    ),
]
Poll = Annotated[
    bool,
    typer.Option(
        "--poll",
        help="Look at all files again and again, as on network shares.",
        rich_help_panel=RUN,
    ),
]
EachFile = Annotated[
    bool, typer.Option("--verbose", "-v", help="A line for each file.", rich_help_panel=SHOW)
]


@grouped
def watch(
    folders: Folders,
    what: What,
    exclude: Exclude = None,
    quiet_for: QuietFor = 5.0,
    *,
    where: Where,
    poll: Poll = False,
    state: State = None,
    json: Json = False,
    verbose: EachFile = False,
) -> None:
    """Scan folders, then what is new or changed there, until Ctrl-C.

    Files are scanned once they are whole. Ending it finishes the file that is being written.
    """
    from tagger.settings.config import load_settings
    from tagger.settings.values import checked_patterns
    from tagger.watching.changes import watch_changes
    from tagger.watching.follow import FollowOptions, follow

    console, out = stderr_console(), stdout_console()
    settings = load_settings(what.setting or ())
    patterns = checked_patterns(exclude or (), option="--exclude")
    tops = [_folder(folder) for folder in folders]
    scanning = what.options()
    options = FollowOptions(exclude=(*settings.exclude, *patterns), quiet_s=quiet_for)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stopped_by_signals(console))
        # Before the model is opened: where the extra is missing, that is all that is said.
        say = sayer(console)
        changes = watch_changes(tops, stop=stop, poll=poll or None, on_notice=say)
        tagger = stack.enter_context(
            open_tagger(where, settings=settings, console=console, quiet=False, state=state)
        )
        say(f"Watching {', '.join(map(str, tops))}; Ctrl-C ends it.")
        for result in follow(
            tagger, tops, scanning, changes, options, stop=stop, on_notice=say
        ):
            _show(result, out, json=json, verbose=verbose)


def _folder(path: Path) -> Path:
    """An absolute path, since changes are told with such.

    Raises:
        InputError: it is no folder, or it cannot be reached.
    """
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a share that is away, or a folder that others may not look into
        raise InputError(f"{path}: cannot be reached ({error.strerror}).") from error
    if not is_folder:
        raise InputError(f"{path}: there is no such folder; name folders to be watched.")
    return path.resolve()


def _show(result: "TrackResult", out: "Console", *, json: bool, verbose: bool) -> None:
    from tagger.reports.report import plain_line_of

    if json:
        emit_json(result, out)
    elif (line := plain_line_of(result, verbose=verbose)) is not None:
        out.file.write(line + "\n")
        out.file.flush()


@contextlib.contextmanager
def stopped_by_signals(console: "Console") -> "Iterator[threading.Event]":
    """Ctrl-C and a service manager's SIGTERM end it cleanly; a second Ctrl-C at once."""
    from tagger.cli.console import stop_on_interrupt

    with stop_on_interrupt(console) as stop:
        # systemd and launchd end a service by SIGTERM, and kill it if that takes too long.
        previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
        try:
            yield stop
        finally:
            signal.signal(signal.SIGTERM, previous)
