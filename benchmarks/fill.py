"""What `--policy fill` costs for files that have a genre: `fill.py [--files N] [--rounds N]`.

Tracks a second of the scan against listing the same folders and reading the same tags, with
nothing decoded either way. A first scan, without a state file: what a second one costs is
measured by `library.py`.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from measure import alternate, emit

from tagger.library.walk import find_tracks
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.scan.options import ScanOptions
from tagger.scan.scan import scan_files
from tagger.tags import read_tags
from tagger.writing.safe_write import write_genres

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.synth_audio import make_audio

KINDS = ("mp3", "flac", "m4a-aac", "ogg-vorbis", "opus")


def make_library(folder: Path, n_files: int) -> None:
    """Copies of a short tone with a genre in each common container, a hundred a folder."""
    seeds = []
    for kind in KINDS:
        path = make_audio(folder, kind, name=f"seed-{kind}")
        write_genres(path, ["Post-Rock", "Ambient"])
        seeds.append(path)
    for i in range(n_files):
        seed = seeds[i % len(seeds)]
        album = folder / f"album-{i // 100:04d}"
        album.mkdir(exist_ok=True)
        shutil.copyfile(seed, album / f"{i % 100:02d}{seed.suffix}")
    for seed in seeds:
        seed.unlink()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    engine = load_engine(find_model(DEFAULT), device="cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_library(folder, given.files)

        def read_alone() -> None:
            for path in find_tracks([folder]):
                read_tags(path)

        def fill() -> None:
            results = scan_files(find_tracks([folder]), engine, ScanOptions())
            statuses = {result.status for result in results}
            if statuses != {"kept"}:
                raise SystemExit(f"not only kept files: {statuses}")

        alternate({"read": read_alone, "fill": fill}, n_rounds=1)
        times = alternate({"read_s": read_alone, "fill_s": fill}, n_rounds=given.rounds)
    emit(
        {
            "n_files": given.files,
            **times,
            "tracks_a_second": round(given.files / times["fill_s"]),
            "share_of_reading_alone": round(times["read_s"] / times["fill_s"], 3),
        }
    )


if __name__ == "__main__":
    main()
