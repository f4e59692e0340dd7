"""Scans of objects without Ray: one actor in this process does what many would do."""

import contextlib
from pathlib import Path

from tagger.api import Tagger
from tagger.cluster.actor import ScanActor
from tagger.cluster.batches import batches
from tagger.cluster.destination import open_results
from tagger.cluster.listing import list_objects
from tagger.cluster.run import ObjectScan, RunningScan, left_to_do, work_of
from tagger.cluster.stores import open_place
from tagger.scan.options import ScanOptions
from tests.learning.tone_model import save_tone_model
from tests.tones import write_tone

PLAIN = ScanOptions()
KEYS = ("a/low.flac", "a/high.flac", "a-b/other.wav", "ж/Ünï #1.flac", "z.wav")
"""Names that sort otherwise by bytes than by folders, and such as break paths and URLs."""


def tone_model(folder: Path) -> Path:
    """A small model file."""
    return save_tone_model(folder / "tone.onnx")


def tones(folder: Path, keys=KEYS) -> Path:
    """A folder with a tone by each key."""
    for i, key in enumerate(keys):
        write_tone(folder / key, 300 + 450 * i)
    return folder


def scan_here(source, results, model, *, options=PLAIN, n_batches=None, **asked):
    """Scan objects in this process; `n_batches` is where it is killed.

    Returns:
        How many objects were passed, and the summaries of the batches.
    """
    scan = ObjectScan(**{"part_len": 2, **asked})
    place, kept, done = open_place(str(source), option="PATH"), open_results(str(results)), []
    with Tagger(model, state=False, settings={}, device="cpu") as tagger:
        work = work_of(tagger, place, kept, options=options, asked=scan)
        run = RunningScan(work.run)
        entries = list_objects(place, exclude=scan.exclude)
        left = left_to_do(entries, place, work, scan, run)
        with contextlib.closing(ScanActor(work, Path(model).read_bytes())) as actor:
            for number, batch in enumerate(batches(left, part_len=scan.part_len, n_actors=1)):
                if number == n_batches:
                    break
                done.append(actor.scan(number, batch))
    return sum(run.passed.values()), done


def rows_at(results):
    """All rows, the runs in their order, and of several about a key the last run's alone."""
    rows = list(open_results(str(results)).rows())
    return rows, {row.key: row for row in rows}
