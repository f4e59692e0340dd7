import errno
import os
import threading
from pathlib import Path

import pytest

from tagger.audio import open_files
from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.cli import app
from tagger.errors import DecodeError
from tagger.library import listing
from tagger.library.selection import WalkOptions, select
from tagger.library.walk import find_tracks
from tagger.scan.options import ScanOptions
from tagger.scan.pipeline import ListenOptions
from tagger.scan.scan import scan_files
from tagger.system import quiet
from tests.engines import RATE, tone_engine
from tests.tones import write_tone

WANTED = RequestedWindows(sample_rate=RATE, window_len=RATE, n_windows=4, silence_dbfs=-60.0)


@pytest.fixture
def music(tmp_path):
    """Three folders of ten tones."""
    for i in range(30):
        write_tone(tmp_path / "music" / f"{i // 10}" / f"{i:02d}.flac", 200, seconds=3)
    return tmp_path / "music"


def failing(real, folder, code):
    """A system call that fails for everything in a folder, or for the folder opened."""

    def call(place, *args, **kwargs):
        if isinstance(place, int):
            name = os.fspath(Path(f"/proc/self/fd/{place}").readlink())
        else:
            name = os.fspath(place)
        if name.startswith(str(folder)):
            raise OSError(code, os.strerror(code))
        return real(place, *args, **kwargs)

    return call


@pytest.mark.parametrize("write", [False, True])
def test_a_library_that_goes_away_fails_file_by_file(music, write):
    """What is left of the walk is a failed result each, with its reason; nothing is raised."""
    options = ScanOptions(write=write, listen=ListenOptions(n_decoders=1))
    results = scan_files(list(find_tracks([music])), tone_engine(), options)
    first = next(results)
    music.rename(music.with_name("elsewhere"))
    others = list(results)
    assert first.status in {"proposed", "written"}
    assert len(others) == 29
    failed = [other for other in others if other.status == "failed"]
    assert len(failed) >= 10  # some were on their way already
    assert all(result.reason.startswith(str(result.path)) for result in failed)
    assert not [result for result in failed if "please report" in result.reason]


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
@pytest.mark.parametrize("call", ["scandir", "open", "stat"])
def test_a_folder_that_cannot_be_listed_is_told(music, monkeypatch, code, call):
    """The other folders are walked; the reason is the system's."""
    told = []
    monkeypatch.setattr(listing.os, call, failing(getattr(os, call), music / "1", code))
    found = list(find_tracks([music], on_error=lambda path, why: told.append((path, why))))
    monkeypatch.undo()
    assert [item.parent.name for item in found] == ["0"] * 10 + ["2"] * 10
    ((path, why),) = told
    assert path == music / "1"
    assert os.strerror(code) in why


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_top_folder_that_goes_away_after_the_start_is_told(music, monkeypatch, code):
    """A share that dies between the check of the paths and the walk ends no program."""
    told = []
    walk = find_tracks([music / "0", music / "1"], on_error=lambda *one: told.append(one))
    monkeypatch.setattr(Path, "stat", failing(Path.stat, music / "0", code))
    found = list(walk)
    monkeypatch.undo()
    assert len(found) == 10
    assert told[0][0] == music / "0"


def test_a_disk_that_fails_in_the_middle_is_no_short_track(music, monkeypatch):
    """Decoders take an error for the end; what they heard until then is not used."""
    path = music / "0" / "00.flac"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])  # as if the rest could not be read
    heard = listen(path, WANTED)
    assert len(list(heard)) >= 1  # a file that is merely short is heard
    real = Path.open
    broken = threading.Event()

    class Disk:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def read(self, _size):
            broken.set()
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(open_files.Path, "open", lambda self, mode="r": Disk(real(self, mode)))
    with pytest.raises(DecodeError, match="Input/output error"):
        list(listen(path, WANTED))
    assert broken.is_set()


@pytest.mark.parametrize("command", ["scan", "audit", "predict"])
@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_the_command_ends_with_1(music, monkeypatch, capsys, command, code):
    """A folder that cannot be listed makes the exit code 1, and is named, once."""
    monkeypatch.setattr(quiet, "silence_native_stderr", lambda: None)
    monkeypatch.setattr(listing.os, "scandir", failing(os.scandir, music / "1", code))
    monkeypatch.setattr("sys.argv", ["tagger", command, str(music), "--json"])
    with pytest.raises(SystemExit) as end:
        app.main()
    said = capsys.readouterr()
    assert end.value.code == 1
    assert command == "audit" or len(said.out.splitlines()) == 20
    assert str(music / "1") in said.err
    assert said.err.count(os.strerror(code)) == 1


def test_a_look_at_the_files_tells_of_folders_too(music, monkeypatch):
    """As a scan of the same paths does; a second look at them may be told to be silent."""
    monkeypatch.setattr(listing.os, "scandir", failing(os.scandir, music / "1", errno.EACCES))
    told = []
    options = WalkOptions(on_error=lambda *what: told.append(what))
    selection = select([music], options)
    assert len(list(selection.tracks())) == 20
    assert told == [(music / "1", "the folder cannot be listed (Permission denied)")]
    assert len(list(selection.silent().tracks())) == 20
    assert len(told) == 1
