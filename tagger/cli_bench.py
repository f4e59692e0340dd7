"""`tagger bench` and `tagger engine`: how fast this machine is, and TensorRT's engines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tagger.cli_scan import Model, load, one_of, stderr_console, stdout_console

if TYPE_CHECKING:
    from tagger.bench import DecodeSpeed, DeviceBench

ACTIONS = ("build", "list", "clear")
MAX_FILES = 40


def bench(
    music: Annotated[
        Path | None, typer.Argument(help="Files to decode, so that you see what binds.")
    ] = None,
    model: Model = "default",
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Measure the model on each device by batch size, and decoding beside it."""
    from tagger.audio.quiet import silence_native_stderr
    from tagger.bench import bench_decoding, bench_device
    from tagger.catalogue import find_model
    from tagger.library import find_tracks, require_tracks
    from tagger.providers import DeviceOptions
    from tagger.runtime import load_engine

    silence_native_stderr()
    path = find_model(model)
    decoding = None
    if music is not None:
        tracks = list(require_tracks(find_tracks([music], limit=MAX_FILES), paths=[music]))
        decoding = bench_decoding(tracks, load_engine(path, device="cpu"))
    devices = [
        bench_device(path, "cpu", options=DeviceOptions()),
        bench_device(path, "cuda", options=DeviceOptions()),
        bench_device(path, "tensorrt", options=DeviceOptions()),
    ]
    if json:
        typer.echo(_json(path, devices, decoding))
    else:
        _show(devices, decoding)


def engine(
    action: Annotated[str, typer.Argument(metavar="build|list|clear")],
    model: Model = "default",
) -> None:
    """Build TensorRT's engine of a model before it is needed; list or remove engines."""
    from tagger.engines import cache_folder, clear_engines, list_engines

    console = stdout_console()
    chosen = one_of("engine", action, ACTIONS)
    if chosen == "build":
        with stderr_console().status("Building the engine; this takes minutes."):
            built = load(model, "tensorrt", console=stderr_console(), quiet=True)
        console.print(f"{built.path.stem}: ready on {built.device}")
    elif chosen == "clear":
        console.print(
            f"{clear_engines()} engines removed from {cache_folder()}", soft_wrap=True
        )
    else:
        found = list(list_engines())
        for folder, size in found:
            console.print(
                f"{size / 1e6:8.1f} MB  {folder.name}", soft_wrap=True, highlight=False
            )
        if not found:
            console.print(f"no engines in {cache_folder()}", soft_wrap=True)


def _json(path: Path, devices: "list[DeviceBench]", decoding: "DecodeSpeed | None") -> str:
    import json
    from dataclasses import asdict

    from tagger.runtime import usable_cores

    record: dict[str, Any] = {
        "model": str(path),
        "cores": usable_cores(),
        "devices": [one.to_record() for one in devices],
        "decoding_one_core": None if decoding is None else asdict(decoding),
    }
    return json.dumps(record)


def _show(devices: "list[DeviceBench]", decoding: "DecodeSpeed | None") -> None:
    from rich.table import Table

    console = stdout_console()
    for one in devices:
        if one.problem is not None:
            console.print(f"[bold]{one.device}[/]: {one.problem}", soft_wrap=True)
            continue
        nodes = ", ".join(f"{count} nodes on {name}" for name, count in one.nodes.items())
        table = Table(
            title=f"{one.device}: loaded in {one.load_s} s, {nodes}", title_justify="left"
        )
        for column in ("batch", "windows/s", "x real time", "ms a batch"):
            table.add_column(column, justify="right")
        for speed in one.speeds:
            style = "bold" if speed == one.best else ""
            table.add_row(
                str(speed.batch),
                f"{speed.windows_per_s:.0f}",
                f"{speed.audio_s_per_s:.0f}",
                f"{speed.batch_ms:.2f}",
                style=style,
            )
        console.print(table)
    if decoding is not None:
        console.print(
            f"decoding on one core: {decoding.windows_per_s:.0f} windows/s,"
            f" {decoding.audio_s_per_s:.0f} x real time ({decoding.n_files} files)"
        )
