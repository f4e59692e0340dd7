"""`tagger similar` and `tagger duplicates`: tracks compared by their embeddings."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import sayer, stderr_console, stdout_console
from tagger.cli.device import Where, open_tagger
from tagger.cli.grouped import grouped
from tagger.cli.scan_options import Set
from tagger.cli.state import State
from tagger.text import counted, json_text, sanitise, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from tagger.api import Tagger
    from tagger.learning.present import Present
    from tagger.learning.similar import Index, Match
    from tagger.scan.results import TrackResult

OF_STATE = "state"


@grouped
def similar(
    track: Annotated[Path, typer.Argument(metavar="TRACK", help="The track to begin with.")],
    within: Annotated[
        list[str] | None,
        typer.Option("--in", metavar="PATH|state", help="Where to look.", show_default="state"),
    ] = None,
    top: Annotated[int, typer.Option("--top", "-n", min=1, help="How many.")] = 20,
    m3u: Annotated[
        Path | None, typer.Option("--m3u", metavar="FILE", help="Write a playlist.")
    ] = None,
    setting: Set = None,
    *,
    where: Where,
    state: State = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a track.")] = False,
) -> None:
    """Find the tracks that sound most like one."""
    from tagger.learning.library_index import check_track, similar_to, write_m3u
    from tagger.learning.present import Present
    from tagger.settings.config import load_settings

    check_track(track)
    console, settings, present = stderr_console(), load_settings(setting or ()), Present()
    with open_tagger(
        where, settings=settings, console=console, quiet=json, state=state
    ) as tagger:
        index = _index(tagger, [place for place in within or () if place != OF_STATE], console)
        matches = similar_to(tagger, track, index, top=top, present=present)
    if m3u is not None:
        write_m3u(m3u, matches, track=track)
    for match in matches:
        if json:
            typer.echo(json_text(_record(match)))
        else:
            _line(match.likeness, match.path)
    if present.gone:
        sayer(console)(_left_out(present))


@grouped
def duplicates(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH...]", help="Files and folders.", show_default="the state"
        ),
    ] = None,
    setting: Set = None,
    *,
    where: Where,
    state: State = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a group.")] = False,
) -> None:
    """Find recordings that are there twice. Changes nothing.

    They may be in other formats, at other levels, or from another master.
    """
    from tagger.learning.present import Present
    from tagger.learning.similar import near_duplicates
    from tagger.settings.config import load_settings

    console, settings, present = stderr_console(), load_settings(setting or ()), Present()
    with open_tagger(
        where, settings=settings, console=console, quiet=json, state=state
    ) as tagger:
        index = _index(tagger, [str(path) for path in paths or ()], console)
    n_groups = 0
    for group in near_duplicates(index, is_there=present.has):
        n_groups += 1
        if json:
            typer.echo(json_text({"tracks": [_record(match) for match in group]}))
            continue
        for match in group:
            _line(match.likeness, match.path)
        typer.echo("")
    if n_groups:
        recordings = counted(n_groups, "recording is", "recordings are")
        outcome = f"{recordings} there twice or more."
    else:
        outcome = "no duplicates."
    compared = counted(len(index.paths), "track was", "tracks were")
    left_out = f" {_left_out(present)}" if present.gone else ""
    sayer(console)(f"{compared} compared; {outcome}{left_out}")


def _left_out(present: "Present") -> str:
    """Says how many files are not shown, since they are not there."""
    left_out = counted(len(present.gone), "file was", "files were")
    return f"{left_out} left out for not being there any more."


def _record(match: "Match") -> dict[str, object]:
    return {"path": text_of(match.path), "likeness": round(match.likeness, 4)}


def _line(likeness: float, path: Path) -> None:
    stdout_console().print(
        f"{likeness:.3f}  {sanitise(text_of(path))}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def _index(tagger: "Tagger", paths: Sequence[str], console: "Console") -> "Index":
    """What is searched: files and folders, or everything that the state knows."""
    from tagger.learning.library_index import index_of_paths, index_of_state

    if not paths:
        return index_of_state(tagger, on_notice=sayer(console))
    places = [Path(path) for path in paths]
    with progress_of(tagger, places, console) as on_track:
        return index_of_paths(tagger, places, on_track=on_track)


@contextmanager
def progress_of(
    tagger: "Tagger", paths: Sequence[Path], console: "Console"
) -> "Iterator[Callable[[TrackResult], None]]":
    """A bar for tracks that are read and decoded: what is yielded is told of each.

    What the model would have written is no matter here: only failures are shown.
    """
    from tagger.reports.progress import TotalCount, show_progress
    from tagger.reports.report import Tally

    tally = Tally()
    with show_progress(console, tally, TotalCount(tagger.tracks(paths))) as advance:

        def on_track(result: "TrackResult") -> None:
            tally.add_passed({"failed" if result.status == "failed" else "kept": 1})
            advance()

        yield on_track
