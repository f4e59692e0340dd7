"""How much longer a scan takes than decoding alone: `scan.py [--songs FOLDER] [--rounds N]`.

The same files, windows, decoder and cores: once through the whole pipeline, once only decoded
and resampled. Alternating, medians. The last line is one JSON object with `default` and
`full`, each with `scan_s`, `decode_only_s`, `ratio`.

Without --songs, the whole songs under $TAGGER_DATA/songs-cc; each file is repeated until there
are at least --files of them, and a quarter as many for `full`. The scan starts its decoding
processes anew each time (0.13 s), which shows when there are few files.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tagger.audio import open_track
from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import Engine, load_engine, usable_cores
from tagger.scan.pipeline import ListenOptions, analyse


def decode_only(paths: Sequence[Path], engine: Engine, options: ListenOptions) -> int:
    """Decode and resample what a scan would listen to; returns the number of windows."""
    spec = engine.spec

    def one(path: Path) -> int:
        with open_track(path, sample_rate=spec.sample_rate) as track:
            if options.full:
                windows = track.windows_full(window_len=spec.window_len)
            else:
                windows = track.windows(window_len=spec.window_len, n_windows=options.n_windows)
            return sum(1 for _ in windows)

    with ThreadPoolExecutor(options.n_decoders or usable_cores()) as pool:
        return sum(pool.map(one, paths))


def whole_scan(paths: Sequence[Path], engine: Engine, options: ListenOptions) -> int:
    """Listen to the files; returns the number of windows."""
    tracks = list(analyse(paths, engine, options))
    failed = [track.error for track in tracks if track.error is not None]
    if failed:
        raise SystemExit(f"{len(failed)} files failed, the first: {failed[0]}")
    return sum(track.n_windows for track in tracks)


def timed(job: Callable[[], int]) -> tuple[float, int]:
    """Seconds and windows of one job."""
    started = time.perf_counter()
    n_windows = job()
    return time.perf_counter() - started, n_windows


def compare(
    paths: Sequence[Path], engine: Engine, options: ListenOptions, *, rounds: int
) -> dict[str, float]:
    """Both jobs in turn, the medians and their ratio."""
    scans, decodes = [], []
    for _ in range(rounds):
        decode_s, n_decoded = timed(lambda: decode_only(paths, engine, options))
        scan_s, n_heard = timed(lambda: whole_scan(paths, engine, options))
        if n_decoded != n_heard:
            raise SystemExit(f"not the same audio: {n_decoded} windows against {n_heard}")
        decodes.append(decode_s)
        scans.append(scan_s)
    scan_s, decode_s = statistics.median(scans), statistics.median(decodes)
    return {
        "scan_s": round(scan_s, 3),
        "decode_only_s": round(decode_s, 3),
        "ratio": round(scan_s / decode_s, 3),
        "n_windows": n_heard,
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=Path, help="folder of whole songs")
    parser.add_argument("--files", type=int, default=200, help="at least so many files")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each job")
    parser.add_argument("--model", default=DEFAULT)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    from measure import data_folder  # noqa: PLC0415 - a test imports this module from elsewhere

    given = arguments()
    songs = given.songs or data_folder() / "songs-cc"
    tracks = list(find_tracks([songs]))
    engine = load_engine(find_model(given.model), device="cpu")
    compare(tracks, engine, ListenOptions(), rounds=1)  # warm the file cache and the session
    result: dict[str, object] = {
        "machine": f"{platform.machine()}, {usable_cores()} cores",
        "date": time.strftime("%Y-%m-%d"),
        "model": engine.spec.revision,
    }
    jobs = {
        "default": (ListenOptions(), given.files),
        "full": (ListenOptions(full=True), given.files // 4),
    }
    for name, (options, n_files) in jobs.items():
        paths = tracks * -(-n_files // len(tracks))
        cells = compare(paths, engine, options, rounds=given.rounds)
        result[name] = {"n_files": len(paths), **cells}
        print(f"{name}: {result[name]}", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
