"""How fast this machine is: the model alone by device and batch, and decoding beside it."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tagger.audio import open_track
from tagger.diagnostics.profile import Share, profile_model
from tagger.errors import DeviceError, TrackError
from tagger.model.device_options import Device, DeviceOptions
from tagger.model.load import Building, Engine, load_engine
from tagger.model.self_test import golden_windows
from tagger.model.session import node_counts, read_spec
from tagger.scan.records import ListenOptions

BATCHES = (1, 2, 4, 8, 16, 32, 64)
SECONDS_EACH = 0.6


@dataclass(frozen=True, slots=True)
class Speed:
    """The model at one batch size.

    Attributes:
        batch: windows a batch.
        windows_per_s: median.
        audio_s_per_s: seconds of audio that are scored in a second.
        batch_ms: time of one batch.
    """

    batch: int
    windows_per_s: float
    audio_s_per_s: float
    batch_ms: float


@dataclass(slots=True)
class DeviceBench:
    """What was measured on one device, or why it was not.

    Attributes:
        device: 'cpu', 'cuda' or 'tensorrt'.
        precision: of the model file.
        problem: why it could not be used, or None.
        load_s: time until the model was ready, without the building of an engine.
        build_s: how long TensorRT built its engine; None if it was there, or on other devices.
        latency_ms: time of one window alone, median.
        latency_p95_ms: 95 of 100 windows take less.
        nodes: nodes of the graph by provider.
        shares: of nodes and time by provider, from a profile.
        golden: largest difference from the answers at export.
        notes: what is not as it should be.
        speeds: by batch size.
    """

    device: str
    precision: str = "fp32"
    problem: str | None = None
    load_s: float | None = None
    build_s: float | None = None
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    nodes: dict[str, int] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)
    golden: float | None = None
    notes: list[str] = field(default_factory=list)
    speeds: list[Speed] = field(default_factory=list)

    @property
    def best(self) -> Speed | None:
        """The speed at the batch size that is fastest."""
        return max(self.speeds, key=lambda speed: speed.windows_per_s, default=None)

    def to_record(self) -> dict[str, Any]:
        """As JSON types."""
        record = asdict(self)
        record["best_batch"] = self.best.batch if self.best else None
        return record


def bench_device(
    path: Path,
    device: Device,
    *,
    batches: Sequence[int] = BATCHES,
    options: DeviceOptions = DeviceOptions(),
    building: Building = nullcontext,
) -> DeviceBench:
    """Measure a model on one device; a device that is not there is a result, too."""
    result = DeviceBench(device, read_spec(path).precision)
    # One TensorRT engine for all sizes: none is built in the middle of a measurement.
    chosen = replace(options, auto_batch=False, batch_size=max(batches))
    try:
        engine = load_engine(path, device=device, options=chosen, building=building)
        if engine.build_s is not None:  # what a later start takes is what counts
            result.build_s = round(engine.build_s, 1)
        started = time.perf_counter()
        engine = load_engine(path, device=device, options=chosen)
    except DeviceError as error:
        result.problem = str(error)
        return result
    result.load_s = round(time.perf_counter() - started, 3)
    result.nodes, result.golden = node_counts(engine.session), engine.golden
    result.notes = engine.notes
    result.speeds = list(_speeds(engine, batches))
    result.latency_ms, result.latency_p95_ms = _latency(engine)
    result.shares = profile_model(path, device, options=chosen)
    return result


def _latency(engine: Engine) -> tuple[float, float]:
    """Median and 95th percentile of the time of one window, in milliseconds."""
    # One window is what somebody waits for; padded to a batch it would take that batch's time.
    if engine.fixed_batch is not None:
        engine.fixed_batch = 1
    window = golden_windows(engine.spec)[:1]
    times = sorted(_times(lambda: engine.run(window)))
    return round(1000 * statistics.median(times), 3), round(
        1000 * times[int(0.95 * (len(times) - 1))], 3
    )


def _speeds(engine: Engine, batches: Sequence[int]) -> Iterator[Speed]:
    golden = golden_windows(engine.spec)
    for batch in batches:
        windows = np.ascontiguousarray(np.resize(golden, (batch, engine.spec.window_len)))
        if engine.fixed_batch is not None:
            engine.fixed_batch = batch
        seconds = statistics.median(_times(lambda windows=windows: engine.run(windows)))  # type: ignore[misc]
        rate = batch / seconds
        yield Speed(
            batch=batch,
            windows_per_s=round(rate, 1),
            audio_s_per_s=round(rate * engine.spec.window_s, 1),
            batch_ms=round(1000 * seconds, 3),
        )


def _times(job: Callable[[], object]) -> list[float]:
    """Times of a call in seconds, after one that does not count."""
    # What the first call allocates is no part of its speed.
    job()
    times: list[float] = []
    until = time.perf_counter() + SECONDS_EACH
    while len(times) < 3 or time.perf_counter() < until:
        started = time.perf_counter()
        job()
        times.append(time.perf_counter() - started)
    return times


@dataclass(frozen=True, slots=True)
class DecodeSpeed:
    """Decoding and resampling of the same windows on one core.

    Attributes:
        n_files: files that could be read.
        windows_per_s: windows a second.
        audio_s_per_s: seconds of audio a second.
    """

    n_files: int
    windows_per_s: float
    audio_s_per_s: float


def bench_decoding(paths: Sequence[Path], engine: Engine) -> DecodeSpeed | None:
    """Measure one decoding thread; None if no file can be read."""
    n_windows = n_files = 0
    audio_s = 0.0  # windows of a short track overlap
    started = time.perf_counter()
    for path in paths:
        try:
            with open_track(path, sample_rate=engine.spec.sample_rate) as track:
                windows = track.windows(
                    window_len=engine.spec.window_len, n_windows=ListenOptions().n_windows
                )
                n_decoded = sum(1 for _ in windows)
                n_windows += n_decoded
                # Windows of a short track overlap: its audio is not counted twice.
                audio_s += min(n_decoded * engine.spec.window_s, track.duration_s)
        except TrackError:
            continue  # a file that cannot be read says nothing about speed
        n_files += 1
    seconds = time.perf_counter() - started
    if not n_files:
        return None
    return DecodeSpeed(n_files, round(n_windows / seconds, 1), round(audio_s / seconds, 1))
