"""Options that say which model runs where, and the engine that they become."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagger.cli.options import one_of
from tagger.errors import InputError, ModelError
from tagger.text import sanitise

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.model.device_options import Device, DeviceOptions
    from tagger.model.lazy import Scorer
    from tagger.model.load import Engine
    from tagger.settings.config import Settings

MAX_SIZE = 1024
"""Largest batch that can be asked for: 0.9 GB of windows of the shipped model."""

Model = Annotated[
    str,
    typer.Option("--model", metavar="PATH|NAME", help="A file, or a name of `tagger models`."),
]
DeviceChoice = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|tensorrt",
        help="Only auto may fall back; cuda:1 is the second GPU.",
    ),
]
PrecisionChoice = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="fp32|fp16|int8",
        help="Which variant of the model.  [default: the file named]",
    ),
]
BatchSize = Annotated[
    str | None,
    typer.Option(
        "--batch-size",
        metavar="N|auto",
        help="Windows a batch; auto measures once.  [default: 16, on a GPU 32]",
    ),
]
GpuMemory = Annotated[
    int | None,
    typer.Option("--gpu-memory", metavar="MB", min=64, help="Take no more of the GPU's."),
]
ExcludeOps = Annotated[
    str | None,
    typer.Option(
        "--exclude-ops", metavar="TYPE,...", help="Operators that TensorRT leaves to CUDA."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """How the network is run, as it was typed.

    Attributes:
        precision: fp32, fp16 or int8; None for whatever the file is.
        batch_size: a number or 'auto'; None for the device's usual.
        gpu_memory: most MiB of the GPU's memory; None for no limit.
        exclude_ops: operator types for CUDA instead of TensorRT, parted by commas.
    """

    precision: str | None = None
    batch_size: str | None = None
    gpu_memory: int | None = None
    exclude_ops: str | None = None


def load(
    model: str,
    device: str,
    *,
    console: "Console",
    quiet: bool,
    compute: Compute = Compute(),
) -> "Engine":
    """Load a model by name or path.

    Says once when `auto` leaves a GPU unused, and what else is not as it should be.
    """
    from tagger.system.quiet import silence_native_stderr

    silence_native_stderr()
    kind, options = device_options(device, compute)
    path = model_file(model, compute.precision)
    return _loaded(path, kind, options, console=console, quiet=quiet)


def load_later(
    model: str,
    device: str,
    *,
    console: "Console",
    quiet: bool,
    settings: "Settings",
    compute: Compute = Compute(),
) -> "Scorer":
    """Name a model that is loaded for the first file to be decoded.

    The owner's thresholds and tree are laid over its own. What can be wrong about the file is
    told now. Who asks for a GPU, or for a measurement, is told now what comes of it: then it
    is loaded.
    """
    from tagger.model.lazy import DeferredEngine
    from tagger.model.spec_file import spec_in
    from tagger.settings.model_overrides import with_settings
    from tagger.system.quiet import silence_native_stderr

    silence_native_stderr()
    kind, options = device_options(device, compute)
    path = model_file(model, compute.precision)
    spec, notes = with_settings(spec_in(path), settings)
    engine = DeferredEngine(
        path, spec, lambda: _loaded(path, kind, options, console=console, quiet=quiet)
    )
    if kind not in {"auto", "cpu"} or options.auto_batch:
        engine.prepare()
    for note in notes:
        console.print(sanitise(f"{note}."), markup=False, highlight=False)
    return engine


def _loaded(
    path: Path, kind: "Device", options: "DeviceOptions", *, console: "Console", quiet: bool
) -> "Engine":
    from tagger.model.load import load_engine
    from tagger.model.nvidia_driver import is_gpu_there
    from tagger.reports.engine_tables import building_shown

    show = building_shown(console)
    engine = load_engine(path, device=kind, options=options, building=show)
    if engine.fallback and not quiet and is_gpu_there():  # else `tagger doctor` says it
        said = sanitise(f"Running on the CPU: {engine.fallback}.")
        console.print(said, style="dim", markup=False, highlight=False)
    for note in () if quiet else engine.notes:
        console.print(sanitise(f"Note: {note}."), style="dim", markup=False, highlight=False)
    return engine


def device_options(device: str, compute: Compute = Compute()) -> "tuple[Device, DeviceOptions]":
    """What was typed, in the runtime's own form.

    Raises:
        InputError: a value is none that is known.
    """
    from tagger.model.device_options import DEVICES, DeviceOptions

    name, colon, number = device.partition(":")
    kind = one_of("--device", name, DEVICES)
    if colon and (kind not in {"cuda", "tensorrt"} or not number.isdecimal()):
        raise InputError(f"--device {device}: write cuda:N or tensorrt:N, counted from 0.")
    size, auto = compute.batch_size, compute.batch_size == "auto"
    if size and not auto and not (size.isdecimal() and 1 <= int(size) <= MAX_SIZE):
        raise InputError(f"--batch-size {size}: write auto or a number from 1 to {MAX_SIZE}.")
    excluded = tuple(one.strip() for one in (compute.exclude_ops or "").split(",") if one)
    wrong = [one for one in excluded if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", one)]
    if wrong:
        raise InputError(f"--exclude-ops {wrong[0]}: name operator types, as in LSTM,Softmax.")
    if excluded and kind != "tensorrt":
        raise InputError("--exclude-ops is for --device tensorrt: nothing else leaves out any.")
    return kind, DeviceOptions(
        index=int(number or 0),
        batch_size=None if size is None or auto else int(size),
        auto_batch=auto,
        memory_limit_mb=compute.gpu_memory,
        exclude_ops=excluded,
    )


def model_file(model: str, precision: str | None = None) -> Path:
    """The file of a model in the precision that was asked for.

    Raises:
        ModelError: there is no such model, or none of that precision.
    """
    from tagger.model.catalogue import find_model, find_variant, models_folder
    from tagger.model.spec import PRECISIONS
    from tagger.model.spec_file import spec_in

    path = find_model(model)
    if precision is None:
        return path
    wanted = one_of("--precision", precision, PRECISIONS)
    found = find_variant(path, wanted) or path
    spec = spec_in(found)
    if spec.precision == wanted:
        return found
    name = f"{path.stem}.{wanted}.onnx"
    writable = path.parent if os.access(path.parent, os.W_OK) else models_folder()
    raise ModelError(
        f"--precision {wanted}: {found} is {spec.precision}, and there is no {name} beside it"
        f" or in {models_folder()}; `tagger export {found} --precision {wanted}"
        f" -o {writable / name}` makes it."
    )
