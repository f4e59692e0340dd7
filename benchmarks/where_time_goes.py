"""Where each millisecond of a track goes: `where_time_goes.py [--files N]`.

Processor time of one thread, stage by stage, per song: once for the default windows, once for
whole tracks. The stages inside the decoder are measured by wrapping the functions that do them,
which adds about a microsecond a call.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from measure import emit, songs

import tagger.audio.decode_libsndfile as decoding
import tagger.audio.requested_windows as listening
import tagger.audio.resample as resampling
from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.audio.shared_slots import N_SLOTS, Slots, new_memory
from tagger.audio.track import open_track
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.model.session import CpuSettings

spent: Counter[str] = Counter()


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose time is counted under a name."""

    def wrapped(*args: Any, **options: Any) -> Any:
        started = time.thread_time()
        try:
            return function(*args, **options)
        finally:
            spent[name] += time.thread_time() - started

    return wrapped


class _Stream:
    """soxr's stream, timed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.stream = soxr.ResampleStream(*args, **options)

    def resample_chunk(self, *args: Any, **options: Any) -> Any:
        """The same, counted."""
        return timed("resample", self.stream.resample_chunk)(*args, **options)


class _Soxr:
    """What `tagger.audio.resample` takes from soxr, timed."""

    resample = staticmethod(timed("resample", soxr.resample))
    ResampleStream = _Stream


def profile(
    paths: list[Path], requested: RequestedWindows, run: Callable[[Any], Any]
) -> dict[str, float]:
    """Milliseconds a song of each stage."""
    spent.clear()
    memory = new_memory()
    slots = Slots(memory) if memory is not None else None
    windows: list[Any] = []
    n_windows = 0
    for path in paths:
        started = time.thread_time()
        with open_track(path, sample_rate=requested.sample_rate):
            spent["open"] += time.thread_time() - started
        started = time.thread_time()
        decoded = [window for window in listen(path, requested) if window is not None]
        spent["all of decoding"] += time.thread_time() - started
        n_windows += len(decoded)
        started = time.thread_time()
        if slots is not None:
            slots.fit(requested.window_len)
            for i, one in enumerate(decoded):
                slots.put(i % N_SLOTS, one)
                slots.take(i % N_SLOTS)
            spent["to the scan's process"] += time.thread_time() - started
        windows += decoded
        while len(windows) >= 16:
            batch = timed("stack a batch", np.stack)(windows[:16])
            timed("model", run)(batch)
            del windows[:16]
    inner = sum(spent[name] for name in ("open", "resample", "mix to mono", "is it silent"))
    spent["decode and seek"] = spent.pop("all of decoding") - inner
    per_song = {name: round(1e3 * s / len(paths), 2) for name, s in spent.most_common()}
    return {**per_song, "windows": round(n_windows / len(paths), 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=20)
    given = parser.parse_args()
    engine = load_engine(find_model(DEFAULT), device="cpu", cpu=CpuSettings(n_threads=1))
    spec, paths = engine.spec, songs(n_files=given.files)
    decoding.Downmix.mix = timed("mix to mono", decoding.Downmix.mix)
    resampling.soxr = _Soxr
    listening.is_silent = timed("is it silent", listening.is_silent)
    figures: dict[str, object] = {}
    for name, n_windows in (("default", 6), ("full", None)):
        requested = RequestedWindows(
            sample_rate=spec.sample_rate,
            window_len=spec.window_len,
            n_windows=n_windows,
            silence_dbfs=spec.silence_dbfs,
        )
        profile(paths[:5], requested, engine.run)
        figures[name] = profile(paths, requested, engine.run)
    emit({"unit": "ms of processor time a song", **figures})


if __name__ == "__main__":
    main()
