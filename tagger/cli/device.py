"""Options that say which model runs where, and the engine that they become."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tagger.cli.console import sayer
from tagger.cli.help import RUN
from tagger.cli.options import one_of
from tagger.cli.scan_options import Jobs
from tagger.errors import InputError, ModelError
from tagger.text import sanitise

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from tagger.api import Tagger
    from tagger.model.device_options import Device, DeviceOptions
    from tagger.scan.observer import Observer
    from tagger.settings.config import Settings

MAX_SIZE = 1024
"""Largest batch that can be asked for: 0.9 GB of windows of the shipped model."""

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="PATH|NAME",
        help="A file, or a name of `tagger models`.",
        rich_help_panel=RUN,
    ),
]
DeviceChoice = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|tensorrt",
        help="Only auto may fall back; cuda:1 is the second GPU.",
        rich_help_panel=RUN,
    ),
]
PrecisionChoice = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="fp32|fp16|int8",
        help="Which variant of the model.",
        show_default="the file named",
        rich_help_panel=RUN,
    ),
]
BatchSize = Annotated[
    str | None,
    typer.Option(
        "--batch-size",
        metavar="N|auto",
        help="Windows per batch; auto measures once.",
        show_default="8, on a GPU 32",
        rich_help_panel=RUN,
    ),
]
GpuMemory = Annotated[
    int | None,
    typer.Option(
        "--gpu-memory",
        metavar="MB",
        min=64,
        help="Use at most this much GPU memory.",
        rich_help_panel=RUN,
    ),
]
ExcludeOps = Annotated[
    str | None,
    typer.Option(
        "--exclude-ops",
        metavar="TYPE,...",
        help="Operators that TensorRT leaves to CUDA.",
        rich_help_panel=RUN,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which model runs where, as it was typed. A group of options."""

    model: Model = "default"
    device: DeviceChoice = "auto"
    precision: PrecisionChoice = None
    batch_size: BatchSize = None
    gpu_memory: GpuMemory = None
    exclude_ops: ExcludeOps = None
    jobs: Jobs = None


def open_tagger(
    where: Where,
    *,
    settings: "Settings",
    console: "Console",
    quiet: bool,
    state: Path | Literal[False] | None = None,
) -> "Tagger":
    """A `Tagger` with the model, the device and the settings that were typed.

    Args:
        where: which model, on which device.
        settings: the owner's.
        console: where people are told of what they should know.
        quiet: leave out what changes no result, such as a GPU that is not used.
        state: as `Tagger` takes it.
    """
    from tagger.api import Tagger

    path, device, compute = placed(where)
    return Tagger(
        path,
        device=device,
        compute=compute,
        state=state,
        settings=settings,
        n_decoders=where.jobs,
        observer=observer_on(console, quiet=quiet),
    )


def open_journal(
    state: Path | None, console: "Console", settings: "Settings | None" = None
) -> "Tagger":
    """A `Tagger` for commands that decode nothing: its state and its journal.

    Args:
        state: its file; None for the user's.
        console: where people are told of what they should know.
        settings: the owner's; None where they decide nothing, and need not be right.
    """
    from tagger.api import Tagger
    from tagger.scan.observer import Observer
    from tagger.settings.config import Settings

    observer = Observer(on_notice=sayer(console))
    return Tagger(state=state, settings=settings or Settings(), observer=observer)


def observer_on(console: "Console", *, quiet: bool) -> "Observer":
    """Shows people what they should know, and the loading of a model unless `quiet`."""
    from tagger.scan.observer import Observer

    def say(note: str) -> None:
        if not quiet:
            console.print(sanitise(note), style="dim", markup=False, highlight=False)

    def building(folder: Path) -> "AbstractContextManager[object]":
        from tagger.reports.engine_tables import building_shown  # loads the runtime

        return building_shown(console)(folder)

    return Observer(on_notice=sayer(console), on_loading=say, building=building)


def placed(where: Where) -> "tuple[Path, Device, DeviceOptions]":
    """The file, the device and how it is used, for what was typed.

    A GPU is given float32 in place of eight bits for processors; not where eight bits were
    asked for by name: then `auto` is the processor.

    Raises:
        InputError: a value is none that is known.
        ModelError: there is no such model, or none of that precision for that device.
    """
    from tagger.model.catalogue import models_folder
    from tagger.model.spec_file import spec_in

    device, compute = device_options(where)
    path = model_file(where.model, where.precision)
    if where.precision != "int8" or device == "cpu" or not spec_in(path).is_for_processors:
        return path, device, compute
    if device != "auto":
        made = models_folder() / f"{path.stem}.int8.onnx"
        raise ModelError(
            f"--precision int8: {path} is for processors; use --device cpu, or make eight bits"
            f" for GPUs: `tagger export {path} --precision int8 --for gpu -o {made}`."
        )
    return path, "cpu", compute


def device_options(where: Where) -> "tuple[Device, DeviceOptions]":
    """The device that was typed and how it is used, in the runtime's own form.

    Raises:
        InputError: a value is none that is known.
    """
    from tagger.model.device_options import DeviceOptions, parse_device

    kind, options = parse_device(where.device, DeviceOptions())
    size, auto = where.batch_size, where.batch_size == "auto"
    if size and not auto and not (size.isdecimal() and 1 <= int(size) <= MAX_SIZE):
        raise InputError(f"--batch-size {size}: write auto or a number from 1 to {MAX_SIZE}.")
    # ONNX Runtime takes any text here, and leaves out nothing if it is misspelt.
    excluded = tuple(name.strip() for name in (where.exclude_ops or "").split(",") if name)
    wrong = [name for name in excluded if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name)]
    if wrong:
        raise InputError(f"--exclude-ops {wrong[0]}: name operator types, as in LSTM,Softmax.")
    if excluded and kind != "tensorrt":
        raise InputError(
            "--exclude-ops is for --device tensorrt: only TensorRT leaves out operators."
        )
    return kind, replace(
        options,
        batch_size=None if size is None or auto else int(size),
        auto_batch=auto,
        memory_limit_mb=where.gpu_memory,
        exclude_ops=excluded,
    )


def model_file(model: str, precision: str | None = None) -> Path:
    """The file of a model in the precision that was asked for.

    Raises:
        ModelError: there is no such model, or none of that precision.
    """
    from tagger.model.catalogue import find_model, find_precision
    from tagger.model.spec import PRECISIONS

    if precision is None:
        return find_model(model)
    return find_precision(model, one_of("--precision", precision, PRECISIONS))
