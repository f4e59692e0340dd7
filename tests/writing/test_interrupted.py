import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.errors import WriteError
from tagger.writing import filecopy, safe_write
from tagger.writing.replace import PreparedWrite
from tagger.writing.safe_write import write_genres
from tests.synth_audio import make_audio


@pytest.fixture
def mp3(tmp_path):
    """An mp3 with a title and no genre."""
    return make_audio(tmp_path, "mp3", title="A title")


def _fails(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize("place", ["copy", "sync", "rename", "verify"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_failure_anywhere_leaves_the_original_and_no_copy(mp3, monkeypatch, place, error):
    """A full disk or an interrupt while copying, syncing, verifying or renaming."""
    before = mp3.read_bytes()
    target, name = {
        "copy": (filecopy, "_write"),
        "sync": (os, "fsync"),
        "rename": (Path, "replace"),
        "verify": (PreparedWrite, "_verify"),
    }[place]
    monkeypatch.setattr(target, name, _fails(error))
    with pytest.raises(WriteError if isinstance(error, OSError) else KeyboardInterrupt) as got:
        write_genres(mp3, ["Rock"])
    monkeypatch.undo()
    assert isinstance(error, KeyboardInterrupt) or "No space" in str(got.value)
    assert mp3.read_bytes() == before
    assert list(mp3.parent.iterdir()) == [mp3]


def test_a_kill_before_the_rename_leaves_the_original(mp3):
    """What a killed process leaves is a hidden file; the next write works."""
    before = mp3.read_bytes()
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tagger.writing import safe_write\n"
        "Path.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "safe_write.write_genres(Path(sys.argv[1]), ['Rock'])"
    )
    root = Path(safe_write.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, mp3], check=False, cwd=root)
    assert done.returncode == -signal.SIGKILL
    assert mp3.read_bytes() == before
    left = [path for path in mp3.parent.iterdir() if path != mp3]
    assert len(left) == 1
    assert left[0].match(".tone.mp3.tagger-????????.tmp")
    assert write_genres(mp3, ["Rock"])


def test_a_wrong_copy_is_never_kept(mp3, monkeypatch):
    """If a byte of audio were lost, the verification would say so."""
    whole = filecopy.copy_patched

    def damaging(source, target, patches):
        whole(source, target, patches)
        with target.open("r+b") as file:
            file.seek(-100, os.SEEK_END)
            file.write(b"damaged")

    before = mp3.read_bytes()
    monkeypatch.setattr(filecopy, "copy_patched", damaging)
    with pytest.raises(WriteError, match="audio would change"):
        write_genres(mp3, ["Rock"])
    assert mp3.read_bytes() == before
    assert list(mp3.parent.iterdir()) == [mp3]
