"""`tagger bench` and `tagger engine`: how fast this machine is, and TensorRT's engines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tagger.cli.console import stderr_console, stdout_console
from tagger.cli.device import (
    BatchSize,
    ExcludeOps,
    GpuMemory,
    Model,
    PrecisionChoice,
    Where,
    observer_on,
    placed,
)
from tagger.cli.options import one_of
from tagger.errors import InputError
from tagger.text import counted, json_text, sanitise

if TYPE_CHECKING:
    from tagger.diagnostics.bench import DecodeSpeed, DeviceBench
    from tagger.model.device_options import Device

BENCHED: "tuple[Device, ...]" = ("cpu", "cuda", "tensorrt")
ACTIONS = ("build", "list", "clear")
MAX_FILES = 40

Music = Annotated[
    Path | None,
    typer.Argument(
        metavar="MUSIC", help="Files to decode, to compare decoding with the model."
    ),
]
Action = Annotated[
    str, typer.Argument(metavar="build|list|clear", help="What to do with the engines.")
]


def bench(
    music: Music = None,
    model: Model = "default",
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure the model on each device, and decoding beside it."""
    from tagger.diagnostics.bench import bench_decoding, bench_device
    from tagger.library.walk import find_tracks, require_tracks
    from tagger.model.catalogue import find_model
    from tagger.model.load import load_engine
    from tagger.reports.engine_tables import building_shown
    from tagger.system.quiet import silence_native_stderr

    # Before the first library is loaded: what it prints comes from native code.
    silence_native_stderr()
    path = find_model(model)
    decoding = None
    if music is not None:
        tracks = list(require_tracks(find_tracks([music], limit=MAX_FILES), paths=[music]))
        decoding = bench_decoding(tracks, load_engine(path, device="cpu"))
    building = building_shown(stderr_console())
    devices = [
        bench_device(variant, device, building=building) for variant, device in _pairs(path)
    ]
    if json:
        typer.echo(_json(path, devices, decoding))
    else:
        _show(devices, decoding)


def _pairs(model: Path) -> "list[tuple[Path, Device]]":
    """Each variant of a model with each device that is given it."""
    from tagger.model.catalogue import variants_of
    from tagger.model.spec_file import spec_in

    files = variants_of(model)
    # In place of eight bits for processors a GPU is given another variant: it has its turn.
    on_gpus = [path for path in files if not spec_in(path).is_for_processors] or files
    return [
        (file, device)
        for file in files
        for device in BENCHED
        if device == "cpu" or file in on_gpus
    ]


def engine(
    action: Action,
    model: Model = "default",
    device: Annotated[
        str, typer.Option("--device", metavar="tensorrt[:N]", help="Which GPU.")
    ] = "tensorrt",
    precision: PrecisionChoice = None,
    batch_size: BatchSize = None,
    gpu_memory: GpuMemory = None,
    exclude_ops: ExcludeOps = None,
) -> None:
    """Build, list or clear TensorRT's engines.

    An engine is for one precision, batch size and set of excluded operators: build it with
    the options that you will scan with.
    """
    from tagger.model.lazy import load_watched
    from tagger.model.tensorrt_cache import cache_folder, clear_engines
    from tagger.reports.engine_tables import show_engines
    from tagger.system.quiet import silence_native_stderr

    console = stdout_console()
    chosen = one_of("engine", action, ACTIONS)
    if chosen == "build":
        if device.partition(":")[0] != "tensorrt":
            raise InputError(f"--device {device}: only TensorRT has engines.")
        where = Where(
            model=model,
            device=device,
            precision=precision,
            batch_size=batch_size,
            gpu_memory=gpu_memory,
            exclude_ops=exclude_ops,
        )
        silence_native_stderr()
        path, kind, options = placed(where)
        watch = observer_on(stderr_console(), quiet=True).loading
        built = load_watched(path, kind, options, watch)
        line = f"{sanitise(built.path.stem)}: ready on {built.device}"
        console.print(line, markup=False)
    elif chosen == "clear":
        removed = counted(clear_engines(), "engine", "engines")
        folder = sanitise(str(cache_folder()))
        console.print(f"{removed} removed from {folder}", markup=False, soft_wrap=True)
    else:
        folder = sanitise(str(cache_folder()))
        console.print(folder, markup=False, soft_wrap=True, highlight=False)
        show_engines(console)


def _json(path: Path, devices: "list[DeviceBench]", decoding: "DecodeSpeed | None") -> str:
    from dataclasses import asdict

    from tagger.system.cores import usable_cores

    record: dict[str, Any] = {
        "model": str(path),
        "cores": usable_cores(),
        "devices": [device.to_record() for device in devices],
        "decoding_one_core": None if decoding is None else asdict(decoding),
    }
    return json_text(record)


def _show(devices: "list[DeviceBench]", decoding: "DecodeSpeed | None") -> None:
    from tagger.reports.bench_table import bench_table

    console = stdout_console()
    for device in devices:
        console.print(bench_table(device), soft_wrap=True)
    if decoding is not None:
        console.print(
            f"decoding on one core: {decoding.windows_per_s:.0f} windows/s,"
            f" {decoding.audio_s_per_s:.0f} x real time"
            f" ({counted(decoding.n_files, 'file', 'files')})"
        )
