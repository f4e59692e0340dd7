"""`tagger train`, `tagger prepare`, `tagger export`: from music to a model of one's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from tagger.cli.grouped import grouped
from tagger.cli.options import (
    Config,
    Datasets,
    Recordings,
    Settings,
    needs_extra,
    one_of,
    say,
)
from tagger.cli.what_next import what_next
from tagger.errors import InputError

Features = Annotated[str | None, typer.Option(help="Front end.", show_default="mel")]
Body = Annotated[str | None, typer.Option(help="Architecture.", show_default="cnn-lstm")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the data.")]
Seed = Annotated[int | None, typer.Option(help="Seed of every random choice.")]
Out = Annotated[Path, typer.Option(help="The run's folder.")]
OUT = Path("runs/run")
From = Annotated[
    Path | None,
    typer.Option("--from", help="Learn on from this checkpoint; other labels get a new head."),
]
Resume = Annotated[
    Path | None, typer.Option(metavar="RUN", help="Continue an interrupted run.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Take the place of a model that --out holds.")
]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="Give the same weights every time.")
]
Devices = Annotated[
    int | None, typer.Option(min=1, help="Train on this many GPUs or CPU processes.")
]
ListDatasets = Annotated[
    bool, typer.Option("--list-datasets", help="Show every data set, its source and licence.")
]
MemoryFraction = Annotated[
    float | None, typer.Option(min=0.01, max=1.0, help="Largest share of the GPU's memory.")
]

Prepare = Annotated[
    str, typer.Option("--dataset", help="A data set of recordings, as mtat or fma:small.")
]
Pictures = Annotated[
    Path | None, typer.Option(help="Also write spectrograms as PNG into this folder.")
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Decoding threads.", show_default="one a core")
]

Source = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE", help="best.pt of a run, or an .onnx; with --check any .onnx."
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="MODEL.onnx", help="What to make.")
]
Name = Annotated[str | None, typer.Option(help="Name in the metadata.")]
Precision = Annotated[
    str, typer.Option(metavar="fp32|fp16|int8", help="Precision of the network's weights.")
]
MadeFor = Annotated[
    str | None,
    typer.Option(
        "--for", metavar="cpu|gpu", help="What computes int8; the two want other numbers."
    ),
]
Calibration = Annotated[
    Path | None, typer.Option(help="Folder of real music that sets the ranges of int8.")
]
Report = Annotated[
    Path | None, typer.Option(metavar="FILE.json", help="Write the tables there.")
]
Check = Annotated[
    bool, typer.Option("--check", help="Report what CUDA and TensorRT would not run.")
]


@grouped
def train(
    config: Config = None,
    dataset: Datasets = None,
    features: Features = None,
    body: Body = None,
    epochs: Epochs = None,
    seed: Seed = None,
    out: Out = OUT,
    start_from: From = None,
    resume: Resume = None,
    force: Force = False,
    deterministic: Deterministic = False,
    devices: Devices = None,
    gpu_memory_fraction: MemoryFraction = None,
    *,
    recordings: Recordings,
    option: Settings = None,
    list_datasets: ListDatasets = False,
) -> None:
    """Fit a tagger: `tagger export` makes a model of OUT/best.pt."""
    with needs_extra("`tagger train`", "train"):
        from train.config.config import parse_overrides
        from train.datasets.registry import listed
        from train.fit.distributed import is_first
        from train.fit.initial_weights import Places, places_of
        from train.fit.run import resume_training, run_training
    if list_datasets:
        typer.echo(listed())
        return
    overrides = {
        **recordings.choices(dataset),
        "features": features,
        "body": body,
        "fit.epochs": epochs,
        "fit.deterministic": deterministic or None,
        "fit.devices": devices,
        "fit.gpu_memory_fraction": gpu_memory_fraction,
        "seed": seed,
        **parse_overrides(option or []),
    }
    where = Places(
        data=recordings.data, out=out, prepared=recordings.prepared, start_from=start_from
    )
    if resume is not None:
        _check_resumed(resume, recordings, out, {"--config": config, "--from": start_from})
        best, where = resume_training(resume, overrides, say=say), places_of(resume)
    else:
        best = run_training(config, overrides, where, say=say, force=force)
    if is_first():
        say(what_next(best, data=where.data, prepared=where.prepared))


def _check_resumed(
    run: Path, recordings: Recordings, out: Path, files: Mapping[str, Path | None]
) -> None:
    """Refuse what a run knows itself: it would be passed over without a word."""
    usual = Recordings()
    is_given = {name: path is not None for name, path in files.items()} | {
        "--data": recordings.data != usual.data,
        "--prepared": recordings.prepared != usual.prepared,
        "--out": out != OUT,
    }
    if given := [name for name, is_one in is_given.items() if is_one]:
        raise InputError(
            f"--resume {run}: the run knows its configuration and its places; leave"
            f" {' and '.join(given)} out."
        )


@grouped
def prepare(
    dataset: Prepare,
    config: Config = None,
    pictures: Pictures = None,
    jobs: Jobs = None,
    *,
    recordings: Recordings,
    option: Settings = None,
) -> None:
    """Decode a data set once, so that training reads it fast."""
    with needs_extra("`tagger prepare`", "train"):
        from train.config.config import load_config, parse_overrides
        from train.data.load_clips import prepare_dataset
    from rich.console import Console

    from tagger.reports.bars import count_bars

    overrides = {**recordings.choices(), **parse_overrides(option or [])}
    chosen = load_config(config, {**overrides, "datasets": [dataset]})
    with count_bars(Console(stderr=True)) as follow:
        prepare_dataset(
            chosen,
            recordings.data,
            prepared=recordings.prepared,
            pictures=pictures,
            n_jobs=jobs,
            say=say,
            follow=follow,
        )


@grouped
def export(
    source: Source,
    output: Output = None,
    name: Name = None,
    precision: Precision = "fp32",
    made_for: MadeFor = None,
    calibration: Calibration = None,
    dataset: Datasets = None,
    report: Report = None,
    check: Check = False,
    *,
    recordings: Recordings,
) -> None:
    """Turn a checkpoint into one .onnx file, and check it.

    An .onnx in fp32 can be turned into fp16 or int8. int8 is made for processors unless --for
    gpu is said: GPUs are then given NAME.fp32.onnx beside NAME.onnx. What int8 costs is shown
    on the valid clips of --dataset; it is not written unless 100 of them or more show that at
    most 3 % are lost.
    """
    with needs_extra("`tagger export`", "train"):
        from export.precision import EIGHT_BITS_FOR
        from export.readiness import check_readiness
        from export.run import ExportOptions, export_checkpoint
    from rich.console import Console

    from tagger.model.spec import PRECISIONS

    _check_output(output, check=check)
    if made_for is not None and precision != "int8":
        raise InputError("--for is for --precision int8: any device takes the others.")
    made = source
    if output is not None:
        options = ExportOptions(
            name=name,
            precision=one_of("--precision", precision, PRECISIONS),
            made_for=one_of("--for", made_for or "cpu", EIGHT_BITS_FOR),
            calibration=calibration,
            report=report,
            clips=recordings.choices(dataset),
            data=recordings.data,
            prepared=recordings.prepared,
        )
        made = export_checkpoint(source, output, options, say=say)
    if check and check_readiness(made, console=Console()):
        raise typer.Exit(1)


def _check_output(output: Path | None, *, check: bool) -> None:
    """Refuse to make nothing, or a file that no command would take for a model."""
    if output is None and not check:
        raise InputError(
            "--output MODEL.onnx is missing: name the file to make, or use --check."
        )
    if output is not None and output.suffix.lower() != ".onnx":
        raise InputError(f"--output {output}: a model file ends in .onnx, as MODEL.onnx does.")
