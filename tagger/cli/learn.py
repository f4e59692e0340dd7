"""`tagger learn`: a model of the owner's own genres."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.console import EXIT_OK, EXIT_SOME_FAILED, sayer, stderr_console, stdout_console
from tagger.cli.device import DeviceChoice, Where, open_journal, open_tagger
from tagger.cli.grouped import grouped
from tagger.cli.scan_options import Jobs, Set
from tagger.cli.similar import progress_of
from tagger.cli.state import State
from tagger.errors import InputError
from tagger.text import json_text

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.api import Tagger
    from tagger.learning.run import LearnOptions, Lesson


Places = Annotated[
    list[Path] | None, typer.Argument(metavar="PATH...", help="Files and folders.")
]
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="NAME", help="What the model is called.")
]
Base = Annotated[
    str,
    typer.Option("--from", metavar="PATH|NAME", help="The model that is learned on."),
]
FieldName = Annotated[
    str, typer.Option("--field", help="The tag that is learned: genre, grouping, mood ...")
]
MinTracks = Annotated[
    int | None,
    typer.Option("--min-tracks", min=2, help="Tracks that a label needs.", show_default="8"),
]
Include = Annotated[
    list[str] | None,
    typer.Option("--include", metavar="LABEL", help="Learn this one; also more than once."),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="LABEL", help="Leave out; also more than once."),
]
LabelsFrom = Annotated[
    Path | None,
    typer.Option("--labels-from", metavar="REPORT.csv", help="Genres of an edited report."),
]
KeepLabels = Annotated[
    bool, typer.Option("--keep-labels", help="Keep the base model's labels beside them.")
]
Examples = Annotated[
    Path | None,
    typer.Option("--examples", metavar="FOLDER", help="A folder of tracks for each label."),
]
Update = Annotated[
    str | None,
    typer.Option("--update", metavar="NAME", help="Learn a model again, as before."),
]
SuspicionsFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE.csv|.jsonl|.html", help="Write tags that look wrong there."),
]
AllRows = Annotated[bool, typer.Option("--all", help="Show all rows.")]
Corrections = Annotated[
    bool, typer.Option("--corrections", help="Show what you have decided so far.")
]
Forget = Annotated[
    str | None,
    typer.Option("--forget", metavar="NUMBER|all", help="Forget decisions of yours."),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What is learned, as it was typed. A group of options."""

    output: Output = "learned"
    base: Base = "default"
    field: FieldName = "genre"
    min_tracks: MinTracks = None
    include: Include = None
    exclude: LeaveOut = None
    labels_from: LabelsFrom = None
    keep_labels: KeepLabels = False
    examples: Examples = None
    update: Update = None

    def options(self) -> "LearnOptions":
        """The same for `learn_library`."""
        from tagger.learning.run import LearnOptions

        return LearnOptions(
            name=self.output,
            field=self.field,
            min_tracks=self.min_tracks,
            include=tuple(self.include or ()),
            exclude=tuple(self.exclude or ()),
            labels_from=self.labels_from,
            keep_labels=self.keep_labels,
            examples=self.examples,
        )


@grouped
def learn(
    paths: Places = None,
    *,
    what: Lessons,
    report: SuspicionsFile = None,
    everything: AllRows = False,
    corrections: Corrections = False,
    forget: Forget = None,
    setting: Set = None,
    device: DeviceChoice = "auto",
    jobs: Jobs = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Learn your own genres from your tags and corrections."""
    from tagger.settings.config import load_settings

    settings, console = load_settings(setting or ()), stderr_console()
    # Neither needs a model, nor a path to learn from.
    if corrections or forget is not None:
        _corrections(state, forget, json=json)
        raise typer.Exit(EXIT_OK)
    base, places, options = what.base, paths or [], what.options()
    if what.update is not None:
        base, places, options = _recipe(state, what.update, console)
    elif not places and what.examples is None:
        raise InputError("say which files or folders to learn from, or --examples FOLDER.")
    where = Where(model=base, device=device, jobs=jobs)
    with open_tagger(
        where, settings=settings, console=console, quiet=json, state=state
    ) as tagger:
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
    from tagger.learning.run import recipe_of

    with open_journal(state, console) as tagger:
        return recipe_of(tagger.held_state(), name)


def _corrections(state: Path | None, forget: str | None, *, json: bool) -> None:
    """Show what was decided, or forget it."""
    from tagger.learning.show import correction_record, show_corrections
    from tagger.state.corrections import all_corrections, forget_corrections

    console = stderr_console()
    say = sayer(console)
    if forget is not None and forget != "all" and not forget.isdecimal():
        raise InputError(f"--forget {forget}: give a number of --corrections, or all.")
    with open_journal(state, console) as tagger:
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
        decisions = all_corrections(store)
    if json:
        for decision in decisions:
            typer.echo(json_text(correction_record(decision)))
    elif decisions:
        show_corrections(stdout_console(), decisions)
    else:
        say("No decision of yours is recorded yet: `tagger apply`, `serve` and `undo` do that.")
