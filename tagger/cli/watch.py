"""`tagger watch`: folders are followed until somebody ends it."""

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import emit_json, sayer, stderr_console, stdout_console
from tagger.cli.device import DeviceChoice, Model, open_tagger
from tagger.cli.help import RUN, SHOW, WHAT
from tagger.cli.options import one_of
from tagger.cli.scan_options import Jobs, Json, PolicyChoice, Set, Threshold, Top
from tagger.cli.state import State
from tagger.cli.walk import Exclude
from tagger.errors import InputError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from rich.console import Console

    from tagger.scan.results import TrackResult


def watch(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders.")],
    write_tags: Annotated[
        bool,
        typer.Option(
            "--write-tags",
            help="Change the files; without it nothing is written.",
            rich_help_panel=WHAT,
        ),
    ] = False,
    policy: PolicyChoice = "fill",
    top: Top = None,
    threshold: Threshold = None,
    setting: Set = None,
    exclude: Exclude = None,
    quiet_for: Annotated[
        float,
        typer.Option(
            min=0.5,
            metavar="S",
            help="A file is whole when it has not changed for so long, in seconds.",
            rich_help_panel=WHAT,
        ),
    ] = 5.0,
    poll: Annotated[
        bool,
        typer.Option(
            "--poll",
            help="Look at all files again and again, as on network shares.",
            rich_help_panel=RUN,
        ),
    ] = False,
    model: Model = "default",
    device: DeviceChoice = "auto",
    jobs: Jobs = None,
    state: State = None,
    json: Json = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="A line for each file.", rich_help_panel=SHOW),
    ] = False,
) -> None:
    """Scan folders, then what is new or changed there, until Ctrl-C.

    Files are scanned once they are whole. Ending it finishes the file that is being written.
    """
    from tagger.genres.choose import POLICIES
    from tagger.scan.options import ScanOptions
    from tagger.settings.config import load_settings
    from tagger.settings.values import checked_patterns
    from tagger.watching.changes import watch_changes
    from tagger.watching.follow import FollowOptions, follow

    console, out = stderr_console(), stdout_console()
    settings = load_settings(setting or ())
    patterns = checked_patterns(exclude or (), option="--exclude")
    tops = [_folder(one) for one in folders]
    scanning = ScanOptions(
        write=write_tags,
        policy=one_of("--policy", policy, POLICIES),
        top=top,
        threshold=threshold,
    )
    options = FollowOptions(exclude=(*settings.exclude, *patterns), quiet_s=quiet_for)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stopped_by_signals(console))
        changes = watch_changes(tops, stop=stop, poll=poll or None)  # or the extra is missing
        tagger = stack.enter_context(
            open_tagger(
                model,
                device,
                settings=settings,
                console=console,
                quiet=False,
                state=state,
                n_decoders=jobs,
            )
        )
        sayer(console)(f"Watching {', '.join(map(str, tops))}; Ctrl-C ends it.")
        for result in follow(
            tagger, tops, scanning, changes, options, stop=stop, on_notice=sayer(console)
        ):
            _show(result, out, json=json, verbose=verbose)


def _folder(path: Path) -> Path:
    """An absolute path, since changes are told with such.

    Raises:
        InputError: it is no folder.
    """
    if not path.is_dir():
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
        previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
        try:
            yield stop
        finally:
            signal.signal(signal.SIGTERM, previous)
