"""A process that is killed while it writes objects: what it did goes back."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster.journal import ObjectJournal, run_named
from tagger.cluster.journal_parts import open_parts
from tagger.cluster.settled import settle_open
from tests.cluster.shelf import s3_shelf
from tests.cluster.test_undo_objects import places, stored  # noqa: F401 - places is a fixture

KILL = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from tagger.cluster import undo, write
from tagger.cluster.journal import run_named
from tests.cluster import shelf
place, parts = shelf.open_place(sys.argv[1], option="test"), shelf.open_parts(sys.argv[2])
here = shelf.Shelf(place, parts, Path("."))
put = write.ObjectWriter._put
seen = []
def killed(self, step):
    seen.append(put(self, step))
    if len(seen) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return seen[-1]
write.ObjectWriter._put = killed
here.write(*(here.entry(key) for key in sys.argv[3:]))
"""


@pytest.mark.service
@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_process_that_is_really_killed(s3_url, tmp_path):
    """SIGKILL right after the second put: those that were made go back."""
    shelf = s3_shelf(s3_url, tmp_path)
    entries, before = stored(shelf)
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILL), shelf.place.url, shelf.parts.shown]
        + [entry.key for entry in entries],
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert ended.returncode == -signal.SIGKILL
    is_new = {key for key, data in before.items() if shelf.bytes_of(key) != data}
    assert len(is_new) >= 2
    parts = open_parts(shelf.parts.shown)
    journal = ObjectJournal(parts, run_named(parts, None).id)
    found = list(settle_open(shelf.target, journal))
    assert {change.key for change in found if change.status == "done"} == is_new
    assert {result.status for result in found} <= {"done", "failed"}
    assert {change.key for change in shelf.undo() if change.status == "written"} == is_new
    assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before
