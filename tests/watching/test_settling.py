"""When a file is whole, and what is no news: bookkeeping with a clock of its own."""

import os

from tagger import write_genres
from tagger.watching import settling
from tagger.watching.settling import Settling
from tests.leases import need_leases
from tests.tones import write_chords
from tests.watching.disk import Disk


def test_a_file_is_whole_when_it_has_been_quiet():
    """A slow copy is waited for; a change begins the wait anew; a lost file is forgotten."""
    disk = Disk()
    waiting = Settling(quiet_s=5, look=disk.look)
    for second in range(30):  # grows each second
        disk.write("a", second)
        waiting.note("a", second)
        assert waiting.whole(second) == []
    assert waiting.whole(33.9) == []
    disk.write("a", 100)  # without an event
    assert waiting.whole(34) == []
    assert waiting.whole(38.9) == []
    assert waiting.whole(39) == ["a"]
    assert waiting.whole(100) == []
    disk.write("b", 1)
    waiting.note("b", 0)
    del disk.files["b"]
    assert waiting.whole(10) == []
    assert len(waiting) == 0


def test_a_file_that_another_program_holds_open_is_waited_for(tmp_path):
    """However quiet it is: no event tells that it was closed."""
    need_leases(tmp_path)
    path = str(write_chords(tmp_path / "a.flac", 400))
    waiting = Settling(quiet_s=5)
    with open(path, "r+b"):  # noqa: PTH123
        waiting.note(path, 0)
        assert waiting.whole(10) == waiting.whole(100) == []
    assert waiting.whole(104) == []
    assert waiting.whole(105) == [path]


def test_what_was_written_by_ourselves_is_no_news():
    """An event that only tells of our own write is dropped; the next change is not."""
    disk = Disk()
    waiting = Settling(quiet_s=5, look=disk.look)
    disk.write("a", 1)
    waiting.leave("a")
    waiting.note("a", 0)
    assert waiting.whole(10) == []
    disk.write("a", 2)
    waiting.note("a", 10)
    assert waiting.whole(15) == ["a"]
    waiting.note("a", 16)  # the event that told of it comes late
    assert waiting.whole(30) == []


def test_what_waits_is_bounded_whatever_the_number_of_files(monkeypatch):
    """Files that wait never are more than so many; that there are more is said."""
    monkeypatch.setattr(settling, "MAX_WAITING", 300)
    disk = Disk()
    waiting = Settling(quiet_s=5, look=disk.look)
    n_whole, most = 0, 0
    for second in range(100):
        for i in range(50):
            path = f"/m/{second}-{i}.mp3"
            disk.write(path, 1)
            waiting.note(path, second)
        n_whole += len(waiting.whole(second))
        most = max(most, len(waiting))
    assert most == 250  # five seconds of them
    assert n_whole == 95 * 50
    assert not waiting.is_over_full
    for i in range(301):
        disk.write(f"/burst/{i}.mp3", 1)
        waiting.note(f"/burst/{i}.mp3", 200)
    assert len(waiting) == 300
    assert waiting.is_over_full


def test_write_genres_is_seen_as_a_change(tmp_path):
    """A tag that another program writes changes the signature, though it puts times back."""
    path = write_chords(tmp_path / "a.flac", 262)
    before, times = settling.signature_of(str(path)), path.stat()
    write_genres(path, ["Polka"])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert settling.signature_of(str(path)) != before
