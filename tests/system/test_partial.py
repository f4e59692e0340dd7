"""Files of which only some blocks are here, where nobody fetches the others any more."""

import sys
from pathlib import Path

import pytest

from tagger.audio.open_files import Part
from tagger.errors import DecodeError
from tagger.system.partial import PREFIX
from tagger.tags.base import open_source


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors in /proc")
def test_a_file_that_nobody_fetches_leaves_no_descriptor_open(tmp_path):
    """Neither by its tags nor by its audio: a worker that opens thousands would run out."""
    path = tmp_path / f"{PREFIX}a.mp3"
    path.write_bytes(b"ID3")
    before = _n_open()
    for _ in range(3):
        with pytest.raises(OSError, match="No such file"), open_source(path):
            pass
        with pytest.raises(DecodeError, match="cannot be fetched"):
            Part(path)
    assert _n_open() == before


def _n_open():
    return len(list(Path("/proc/self/fd").iterdir()))
