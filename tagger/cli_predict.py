"""`tagger predict`: what is heard in single files."""

from pathlib import Path
from typing import Annotated

import typer

from tagger.cli_scan import (
    EXIT_OK,
    EXIT_SOME_FAILED,
    DeviceChoice,
    Full,
    Jobs,
    Json,
    Model,
    Set,
    Threshold,
    Top,
    emit_json,
    load,
    stderr_console,
    stdout_console,
)


def predict(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio files.")],
    top: Top = None,
    threshold: Threshold = None,
    setting: Set = None,
    model: Model = "default",
    device: DeviceChoice = "auto",
    full: Full = False,
    jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Show what is heard in single files, label by label. Changes nothing."""
    from tagger.config import load_settings
    from tagger.library import find_tracks, require_tracks
    from tagger.pipeline import ListenOptions
    from tagger.scan import ScanOptions, scan
    from tagger.show import prediction

    console = stderr_console()
    settings = load_settings(setting or ())
    options = ScanOptions(
        policy="replace",
        top=top or settings.max,
        threshold=threshold,
        score_all=True,
        rules=settings.rules,
        listen=ListenOptions(full=full, n_decoders=jobs),
    )
    tracks = require_tracks(find_tracks(files), paths=files)
    engine = load(model, device, console=console, quiet=json, settings=settings)
    failed = False
    for result in scan(tracks, engine, options):
        failed |= result.status == "failed"
        if json:
            emit_json(result)
        else:
            stdout_console().print(prediction(result, engine.spec, threshold=threshold))
    raise typer.Exit(EXIT_SOME_FAILED if failed else EXIT_OK)
