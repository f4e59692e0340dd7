"""`tagger learn`: a model of the owner's own genres."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import EXIT_OK, EXIT_SOME_FAILED, sayer, stderr_console, stdout_console
from tagger.cli.device import DeviceChoice, open_tagger
from tagger.cli.scan_options import Jobs, Set
from tagger.cli.similar import progress_of
from tagger.cli.state import State
from tagger.errors import InputError
from tagger.text import json_text

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api import Tagger
    from tagger.learning.run import LearnOptions, Lesson


def learn(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Files and folders.")
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="NAME", help="What the model is called.")
    ] = "learned",
    base: Annotated[
        str,
        typer.Option("--from", metavar="PATH|NAME", help="The model that is learned on."),
    ] = "default",
    field: Annotated[
        str, typer.Option("--field", help="The tag that is learned: genre, grouping, mood ...")
    ] = "genre",
    min_tracks: Annotated[
        int | None,
        typer.Option("--min-tracks", min=2, help="Tracks that a label needs.  [default: 8]"),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", metavar="LABEL", help="Learn this one; also more than once."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="LABEL", help="Leave out; also more than once."),
    ] = None,
    labels_from: Annotated[
        Path | None,
        typer.Option("--labels-from", metavar="REPORT.csv", help="Genres of an edited report."),
    ] = None,
    keep_labels: Annotated[
        bool, typer.Option("--keep-labels", help="Keep the base model's labels beside them.")
    ] = False,
    examples: Annotated[
        Path | None,
        typer.Option("--examples", metavar="FOLDER", help="A folder of tracks for each label."),
    ] = None,
    update: Annotated[
        str | None,
        typer.Option("--update", metavar="NAME", help="Learn a model again, as before."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv|.jsonl|.html", help="Write tags that look wrong there."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show all rows.")] = False,
    corrections: Annotated[
        bool, typer.Option("--corrections", help="Show what you have decided so far.")
    ] = False,
    forget: Annotated[
        str | None,
        typer.Option("--forget", metavar="NUMBER|all", help="Forget decisions of yours."),
    ] = None,
    setting: Set = None,
    device: DeviceChoice = "auto",
    jobs: Jobs = None,
    state: State = None,
    json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Learn your own genres from your tags and corrections."""
    from tagger.learning.run import LearnOptions
    from tagger.settings.config import load_settings

    settings = load_settings(setting or ())
    console = stderr_console()
    places = paths or []
    options = LearnOptions(
        name=output,
        field=field,
        min_tracks=min_tracks,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        labels_from=labels_from,
        keep_labels=keep_labels,
        examples=examples,
    )
    if corrections or forget is not None:
        _corrections(state, forget, json=json)
        raise typer.Exit(EXIT_OK)
    if update is not None:
        base, places, options = _recipe(state, update, console)
    elif not places and examples is None:
        raise InputError("say which files or folders to learn from, or --examples FOLDER.")
    tagger = open_tagger(
        base, device, settings=settings, console=console, quiet=json, state=state,
        n_decoders=jobs,
    )  # fmt: skip
    with tagger:
        lesson = _learn(tagger, places, options, console)
    _show(lesson, options.field, report, limit=not everything, json=json)
    raise typer.Exit(EXIT_SOME_FAILED if lesson.gathered.n_failed else EXIT_OK)


def _learn(
    tagger: "Tagger", paths: list[Path], options: "LearnOptions", console: "Console"
) -> "Lesson":
    """Learn, with a bar while tracks are read and decoded."""
    from tagger.learning.run import learn_library

    say, started = sayer(console), time.monotonic()
    places = paths if options.examples is None else [options.examples, *paths]
    with progress_of(tagger, places, console) as on_track:
        lesson = learn_library(tagger, paths, options, say=say, on_track=on_track)
    say(f"Learned in {time.monotonic() - started:.1f} s.")
    return lesson


def _show(
    lesson: "Lesson", field: str, report: Path | None, *, limit: bool, json: bool
) -> None:
    from tagger.learning.show import (
        SHOWN,
        lesson_record,
        show_lesson,
        suspicion_results,
    )
    from tagger.reports.report import open_report

    if report is not None:
        with open_report(report, spec=lesson.written.spec) as file:
            for result in suspicion_results(lesson.learned.suspicions, field=field):
                file.add(result, finding="disagrees")
    if json:
        typer.echo(json_text(lesson_record(lesson)))
    else:
        show_lesson(stdout_console(), lesson, limit=SHOWN if limit else None)
        if lesson.learned.suspicions and report is None:
            sayer(stderr_console())(
                "--report FILE.csv writes the tags that look wrong for `tagger apply`."
            )


def _recipe(
    state: Path | None, name: str, console: "Console"
) -> "tuple[str, list[Path], LearnOptions]":
    """How a model was learned: (base, paths, options)."""
    from tagger.api import Tagger
    from tagger.learning.run import recipe_of

    with Tagger(state=state, on_notice=sayer(console)) as tagger:
        return recipe_of(tagger.held_state(), name)


def _corrections(state: Path | None, forget: str | None, *, json: bool) -> None:
    """Show what was decided, or forget it."""
    from tagger.api import Tagger
    from tagger.learning.show import correction_record, show_corrections
    from tagger.state.corrections import all_corrections, forget_corrections

    say = sayer(stderr_console())
    if forget is not None and forget != "all" and not forget.isdecimal():
        raise InputError(f"--forget {forget}: give a number of --corrections, or all.")
    with Tagger(state=state, on_notice=say) as tagger:
        store = tagger.held_state()
        if forget is not None:
            numbers = None if forget == "all" else [int(forget)]
            n_forgotten = forget_corrections(store, numbers)
            if numbers and not n_forgotten:
                raise InputError(
                    f"--forget {forget}: there is no such decision; --corrections shows all."
                )
            say(f"{n_forgotten} decision{'' if n_forgotten == 1 else 's'} forgotten.")
            return
        found = all_corrections(store)
    if json:
        for one in found:
            typer.echo(json_text(correction_record(one)))
    elif found:
        show_corrections(stdout_console(), found)
    else:
        say("Nothing was decided so far: `tagger apply`, `serve` and `undo` tell what was.")
