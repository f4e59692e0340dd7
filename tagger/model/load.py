"""Model file and device -> an engine that is held to what it claims."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from tagger.errors import DeviceError
from tagger.model.batch_size import choose_batch
from tagger.model.device_file import file_on_gpu
from tagger.model.device_options import Device, DeviceOptions
from tagger.model.devices import find_device
from tagger.model.engine import Engine, padded
from tagger.model.one_builder import one_builder
from tagger.model.providers import folder_of, provider_list
from tagger.model.self_test import METADATA_KEY as GOLDEN_KEY
from tagger.model.self_test import check_golden
from tagger.model.session import (
    CpuSettings,
    check_provider,
    node_counts,
    open_session,
    read_spec,
    spec_of,
)
from tagger.model.spec import ModelSpec
from tagger.model.tensorrt_cache import check_engine, keep_engine
from tagger.system.cores import usable_cores

__all__ = ["Engine", "load_engine", "node_counts", "padded", "read_spec", "usable_cores"]

LIGHT_MS = 3.0
"""Processor time of a window, in ms, up to which half of the cores compute the model.

Decoding takes as long even for uncompressed audio, so it stays what is waited for, and a batch
on fewer threads takes less processor time from the decoders.
"""

Building = Callable[[Path], AbstractContextManager[object]]
"""Entered with the engine's folder while TensorRT builds, here or elsewhere, for minutes."""


def load_engine(
    path: Path,
    *,
    device: Device = "auto",
    cpu: CpuSettings = CpuSettings(),
    options: DeviceOptions = DeviceOptions(),
    building: Building = nullcontext,
) -> Engine:
    """Load a model onto a device and make sure that it is the one that was asked for.

    Args:
        path: an `.onnx` file with a `tagger.spec` in its metadata. Of eight bits for
            processors a GPU is given the float32 file beside it.
        device: only `auto` may settle for less than the best.
        cpu: how the processor is used.
        options: how a device is used.
        building: entered while TensorRT builds an engine or another process that does is
            waited for, not while one is loaded.

    Raises:
        ModelError: the file is missing, corrupt or not one of ours.
        DeviceError: the device cannot be used, or does not give the answers that the model
            gave at export; the message names the missing piece.
    """
    if device == "tensorrt":
        return _load_tensorrt(path, cpu=cpu, options=options, building=building)
    if device == "cpu":
        return _load(path, device, cpu=cpu, options=options)
    if device == "cuda":
        return _load_cuda(path, cpu=cpu, options=options)
    try:
        # TensorRT is never chosen by itself: building its engine takes minutes.
        return _load_cuda(path, cpu=cpu, options=options)
    except DeviceError as error:
        engine = _load(path, "cpu", cpu=cpu, options=options)
        engine.fallback = str(error).removeprefix("--device cuda: ").rstrip(".")
        return engine


def _load_cuda(path: Path, *, cpu: CpuSettings, options: DeviceOptions) -> Engine:
    _require("cuda", options)  # what is missing here comes first, whichever file it is
    return _load(file_on_gpu(path, "cuda"), "cuda", cpu=cpu, options=options)


def _load_tensorrt(
    path: Path, *, cpu: CpuSettings, options: DeviceOptions, building: Building
) -> Engine:
    """Load the kept engine of a model, or build it and keep it once its answers are right.

    Another process that builds it is waited for, which looks as if this one did.
    """
    _require("tensorrt", options)
    path = file_on_gpu(path, "tensorrt")
    spec = read_spec(path)  # the engine's profile and folder depend on it
    folder = folder_of(options, path=path, spec=spec)
    with one_builder(folder, waiting=building):
        if not check_engine(folder):
            started = time.monotonic()
            with building(folder):
                engine = _load(path, "tensorrt", cpu=cpu, options=options, spec=spec)
            engine.build_s = time.monotonic() - started
            keep_engine(folder, model=path.name, build_s=engine.build_s)
            return engine
    return _load(path, "tensorrt", cpu=cpu, options=options, spec=spec)


def _load(
    path: Path,
    device: str,
    *,
    cpu: CpuSettings,
    options: DeviceOptions,
    spec: ModelSpec | None = None,
) -> Engine:
    _require(device, options)
    providers = provider_list(device, options, path=path, spec=spec)
    if options.n_threads is not None:
        cpu = replace(cpu, n_threads=options.n_threads)
    is_ours_to_choose = device == "cpu" and cpu.n_threads is None
    # A light model is tried with half of the cores, and measured; a heavy one gets all.
    half = replace(cpu, n_threads=max(1, usable_cores() // 2))
    session = open_session(path, providers, cpu=half if is_ours_to_choose else cpu)
    check_provider(session, device)
    spec = spec_of(session, path)
    size = options.batch_on(device)
    engine = Engine(path, spec, device, None, session, batch_size=size)
    if device != "cpu":
        engine.fixed_batch = options.profile[1] if device == "tensorrt" else size
    entry = session.get_modelmeta().custom_metadata_map.get(GOLDEN_KEY)
    # Before anything is measured or written: wrong answers may be fast.
    engine.golden = check_golden(entry, spec, engine.run, where=f"{path} on {device}")
    if is_ours_to_choose and ms_a_window(engine) > LIGHT_MS:
        engine.session = open_session(path, providers, cpu=cpu)
    if options.auto_batch:
        engine.notes += choose_batch(engine, options.index)
    return engine


def ms_a_window(engine: Engine) -> float:
    """Processor time that the network takes, in ms a window, all threads together."""
    windows = np.zeros((4, engine.spec.window_len), np.float32)
    engine.run(windows)  # the first run allocates
    started = time.process_time()
    engine.run(windows)
    return (time.process_time() - started) * 1e3 / len(windows)


def _require(device: str, options: DeviceOptions) -> None:
    missing = find_device(device, options.index).missing
    if missing:
        raise DeviceError(f"--device {device}: {missing}.")
