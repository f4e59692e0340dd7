"""What the second reader costs: `second_reader.py [--songs 12] [--rounds 15] [--picture 300]`.

mutagen reads every file before and after a write (`tagger.writing.second_reader`). Files of
each common container, some with a picture, and the recordings of `songs-cc` are
written, with the journal, as a scan writes them. The last line is JSON: milliseconds a file in
the second reader and in all the rest, and the one as a share of the other.
"""

import argparse
import itertools
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from measure import data_folder, emit
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TALB, TPE1, TXXX
from mutagen.mp4 import MP4, MP4Cover
from undo import make_audio

from tagger.journal.run import JournalledRun, WriteRequest
from tagger.state import open_store
from tagger.tags.base import Source
from tagger.writing import safe_write

KINDS = ("mp3", "flac", "m4a-aac", "ogg-vorbis", "opus", "wav", "aiff", "wma", "wavpack")
GENRES = itertools.cycle([("Drum & Bass", "Jazz"), ("Folk",)])


def main() -> None:
    """Make files, write them, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--songs", type=int, default=12, help="recordings of songs-cc")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--picture", type=int, default=300, help="kilobytes")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the synthesised files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "files")
        folder.mkdir()
        files = make_files(folder, given.picture, given.seconds)
        files += songs(folder, given.songs)
        figures = measure(Path(name), files, given.rounds)
    emit({"n_files": len(files), "picture_kb": given.picture, **figures})


def make_files(folder: Path, picture_kb: int, seconds: float) -> list[Path]:
    """One file of each common container, with a picture where mutagen adds one easily."""
    files = {
        kind: make_audio(folder, kind, name=kind, title="A title", duration_s=seconds)
        for kind in KINDS
    }
    data = os.urandom(picture_kb * 1000)
    tags = ID3(files["mp3"])
    tags.add(APIC(encoding=0, mime="image/jpeg", type=3, desc="", data=data))
    for number in range(12):
        tags.add(TXXX(encoding=3, desc=f"MusicBrainz {number}", text=["x" * 36]))
    tags.add(TPE1(encoding=3, text=["An artist"]))
    tags.add(TALB(encoding=3, text=["An album"]))
    tags.save()
    flac = FLAC(files["flac"])
    picture = Picture()
    picture.data = data
    flac.add_picture(picture)
    flac.save()
    mp4 = MP4(files["m4a-aac"])
    mp4["covr"] = [MP4Cover(data)]
    mp4.save()
    return list(files.values())


def songs(folder: Path, n_files: int) -> list[Path]:
    """Copies of so many real recordings, if there are any."""
    files = sorted(path for path in (data_folder() / "songs-cc").rglob("*.mp3"))[:n_files]
    return [Path(shutil.copyfile(path, folder / f"song {path.name}")) for path in files]


def measure(folder: Path, files: Sequence[Path], n_rounds: int) -> dict[str, object]:
    """Median milliseconds a file of a round: in the second reader, and in all the rest."""
    looks: dict[str, list[float]] = {}
    inside, rest = [], []
    look = safe_write.differing_tags

    def timed(original: Source, *args: Any, **named: Any) -> str | None:
        started = time.perf_counter()
        answer = look(original, *args, **named)
        looks.setdefault(original.path.stem, []).append(time.perf_counter() - started)
        return answer

    with (
        open_store(folder / "state.db", on_notice=print) as store,
        mock.patch.object(safe_write, "differing_tags", timed),
        JournalledRun(store, "scan", "") as run,
    ):
        for genres in itertools.islice(GENRES, n_rounds + 1):
            started = time.perf_counter()
            outcomes = list(run.write([WriteRequest(path, genres) for path in files]))
            took_s = time.perf_counter() - started
            inside.append(sum(all_s[-1] for all_s in looks.values()))
            rest.append(took_s - inside[-1])
            if set(outcomes) != {True}:
                raise SystemExit(f"not all were written: {outcomes}")
    inside_s, rest_s = statistics.median(inside[1:]), statistics.median(rest[1:])
    return {
        "second_reader_ms": round(1000 * inside_s / len(files), 2),
        "rest_of_writing_ms": round(1000 * rest_s / len(files), 2),
        "share_of_writing": round(inside_s / rest_s, 3),
        "second_reader_ms_by_file": {
            name: round(1000 * statistics.median(all_s[1:]), 2) for name, all_s in looks.items()
        },
    }


if __name__ == "__main__":
    main()
