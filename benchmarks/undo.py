"""What the undo journal costs: time of a write with and without it, bytes of the state.

    python benchmarks/undo.py [--files 2000] [--picture 300] [--folder FOLDER]

Synthetic files of all containers that can be written, FLAC with a picture of so many kilobytes,
are written without a journal, with it, and taken back. The last line is JSON: milliseconds a
file and bytes of the state a change.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from mutagen.flac import FLAC, Picture

sys.path.insert(0, str(Path(__file__).parent.parent))

from tagger.journal.history import changes_of
from tagger.journal.run import JournalledRun, WriteRequest, write_unrecorded
from tagger.journal.undo import UndoOptions, undo
from tagger.state import Store, open_store
from tests.synth_audio import WRITABLE, make_audio

GENRES = ("Drum & Bass", "Jazz")


def main() -> None:
    """Write, write with a journal, undo; print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--picture", type=int, default=300, help="kilobytes in a FLAC")
    parser.add_argument("--folder", type=Path, help="where; a temporary folder otherwise")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        kinds = make_kinds(Path(folder), options.picture)
        figures = {"files": options.files, **measure(Path(folder), kinds, options.files)}
    print(json.dumps(figures))


def make_kinds(folder: Path, picture_kb: int) -> list[Path]:
    """One file of each kind."""
    kinds = [make_audio(folder, kind, name=kind, title="A title") for kind in WRITABLE]
    tags = FLAC(folder / "flac.flac")
    picture = Picture()
    picture.data = os.urandom(picture_kb * 1000)
    tags.add_picture(picture)
    tags.save()
    return kinds


def measure(folder: Path, kinds: list[Path], n_files: int) -> dict[str, float]:
    """Milliseconds a file for each way, and what the state has grown by."""
    figures = {}
    requests = [WriteRequest(path, GENRES) for path in copies(folder / "plain", kinds, n_files)]
    started = time.monotonic()
    assert all(outcome is True for outcome in write_unrecorded(requests))
    figures["without_journal_ms"] = since(started, n_files)
    with open_store(folder / "state.db", on_notice=print) as store:
        empty = state_size(store)
        requests = [
            WriteRequest(path, GENRES) for path in copies(folder / "kept", kinds, n_files)
        ]
        started = time.monotonic()
        with JournalledRun(store, "scan", "") as run:
            assert all(outcome is True for outcome in run.write(requests))
        figures["with_journal_ms"] = since(started, n_files)
        figures["state_bytes_a_change"] = (state_size(store) - empty) // n_files
        started = time.monotonic()
        with JournalledRun(store, "undo", "") as back:
            changes = changes_of(store, run.number or 0)
            results = list(undo(changes, back, UndoOptions()))
        assert {result.status for result in results} == {"written"}
        figures["undo_ms"] = since(started, n_files)
    for path in (folder / "kept").iterdir():
        assert path.read_bytes() == kinds[int(path.stem) % len(kinds)].read_bytes()
    return figures


def copies(folder: Path, kinds: list[Path], n_files: int) -> list[Path]:
    """So many files in a new folder, each kind in turn."""
    folder.mkdir()
    return [
        Path(shutil.copyfile(kind, folder / f"{number}{kind.suffix}"))
        for number in range(n_files)
        for kind in (kinds[number % len(kinds)],)
    ]


def state_size(store: Store) -> int:
    """Bytes of the state, all of them in its file."""
    with store.reading() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return store.path.stat().st_size


def since(started: float, n_files: int) -> float:
    """Milliseconds a file since then."""
    return round((time.monotonic() - started) / n_files * 1000, 2)


if __name__ == "__main__":
    main()
