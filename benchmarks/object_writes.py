"""Write genres into objects and take them back: `object_writes.py [--objects N] [--seconds S]`.

Distinct FLAC files in a real S3 server over TCP on this machine, by one process as an actor of
a scan does it: fetched, changed, compared, recorded, put on a condition; then undone. Objects a
second, bytes of the journal an object, and the peak of memory. The last line is one JSON
object.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from measure import emit

sys.path.insert(0, str(Path(__file__).parent.parent))

import obstore

from tagger.cluster.conditional import check_conditional, open_replaceable
from tagger.cluster.journal import ObjectJournal, begin_run, run_named
from tagger.cluster.journal_parts import open_parts
from tagger.cluster.records import ObjectEntry
from tagger.cluster.stores import Place, open_place
from tagger.cluster.undo import undo_objects
from tagger.cluster.write import ObjectWriter
from tagger.journal.run import WriteRequest
from tests.service import servers
from tests.tones import write_chords


def fill(place: Place, folder: Path, *, n: int, seconds: float) -> Iterator[ObjectEntry]:
    """Put objects, each of its own sound."""
    for i in range(n):
        path = write_chords(folder / "one.flac", 250 + i / 10, seconds=seconds)
        key = place.key(f"{i:05d}.flac")
        etag = obstore.put(place.store, key, path)["e_tag"]
        yield ObjectEntry(key, path.stat().st_size, etag or "", datetime.now(UTC))


def written(place: Place, results: str, entries: list[ObjectEntry]) -> None:
    """Write two genres into each object."""
    has_multipart = check_conditional(place)
    parts = open_parts(results)
    run = begin_run(parts, "scan", place, number=1)
    journal = ObjectJournal(parts, run.id)
    target = open_replaceable(place, has_multipart=has_multipart)
    what = WriteRequest(Path("copy"), ["Drum & Bass", "Electronic"])
    outcomes = ObjectWriter(target, journal).write((entry, what, "") for entry in entries)
    assert all(outcome.outcome is True for outcome in outcomes)
    journal.close()


@contextmanager
def timed(rates: dict[str, float], name: str, n: int) -> Iterator[None]:
    """Objects a second."""
    began = time.perf_counter()
    yield
    rates[name] = round(n / (time.perf_counter() - began), 1)
    print(f"{name}: {rates[name]} objects a second", flush=True)


def main() -> None:
    """Fill a bucket, write, undo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=240.0, help="of music in each")
    args = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": servers.KEY, "AWS_SECRET_ACCESS_KEY": servers.SECRET}
    rates: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, servers.s3(Path(name) / "s3") as url:
        folder = Path(name)
        place = open_place(url.replace("music?", "music/archive?"), option="PATH")
        (results := folder / "results").mkdir()
        entries = list(fill(place, folder, n=args.objects, seconds=args.seconds))
        with timed(rates, "written", len(entries)):
            written(place, str(results), entries)
        files = list(results.rglob("*.parquet"))
        n_bytes = sum(file.stat().st_size for file in files)
        parts = open_parts(str(results))
        with timed(rates, "undone", len(entries)):
            undone = list(undo_objects(parts, run_named(parts, None)))
        assert {result.status for result in undone} == {"written"}
        assert all(
            obstore.head(place.store, entry.key)["e_tag"] == entry.etag for entry in entries
        ), "to the byte"
    emit(
        {
            "objects": len(entries),
            "object_bytes": sum(entry.size for entry in entries) // len(entries),
            **rates,
            "journal_bytes_an_object": n_bytes // len(entries),
            "journal_parts": len(files),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        }
    )


if __name__ == "__main__":
    main()
