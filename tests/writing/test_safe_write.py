import errno
import os
import time
from pathlib import Path

import pytest

from tagger.errors import TagError, UnsupportedTagError, WriteError
from tagger.tags import TagInfo, read_tags
from tagger.tags.base import open_source
from tagger.tags.payload import payload_hash
from tagger.writing import filecopy
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import FAKE, READ_ONLY, WRITABLE, decoded, make_audio
from tests.tags.elements import other_tags, seen_genres

GENRES = ["Drum & Bass", "Électro", "ジャズ"]


@pytest.fixture
def mp3(tmp_path):
    """An mp3 with a title and no genre."""
    return make_audio(tmp_path, "mp3", title="A title")


@pytest.mark.parametrize("kind", WRITABLE)
def test_what_is_written_is_read_back(tmp_path, kind):
    """Our reader and mutagen find the genres that were written, in order."""
    path = make_audio(tmp_path, kind, title="A title")
    info = read_tags(path)
    assert write_genres(path, GENRES, expected=info)
    assert read_tags(path) == TagInfo(info.container, tuple(GENRES), None)
    assert seen_genres(path) == GENRES


@pytest.mark.parametrize("kind", WRITABLE)
def test_only_the_genre_changes(tmp_path, kind):
    """All other tags, the payload and the decoded audio are as before."""
    path = make_audio(tmp_path, kind, title="A title")
    container = read_tags(path).container
    tags = other_tags(path)
    sound = decoded(path) if kind not in FAKE else b""
    payload = payload_hash(path, container)
    write_genres(path, GENRES)
    assert payload_hash(path, container) == payload
    assert other_tags(path) == tags
    assert kind in FAKE or decoded(path) == sound


@pytest.mark.parametrize("kind", WRITABLE)
def test_writing_twice_changes_nothing(tmp_path, kind):
    """The second write touches neither a byte nor the time of the file."""
    path = make_audio(tmp_path, kind)
    write_genres(path, GENRES)
    before, state = path.read_bytes(), path.stat()
    assert not write_genres(path, GENRES)
    assert path.read_bytes() == before
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (state.st_mtime_ns, state.st_ino)


@pytest.mark.parametrize("kind", WRITABLE)
def test_genres_can_be_exchanged_and_removed(tmp_path, kind):
    """A longer list, a shorter one and none follow each other, with the same payload."""
    path = make_audio(tmp_path, kind, title="A title")
    container = read_tags(path).container
    payload = payload_hash(path, container)
    for genres in (["Rock"], [f"Genre {i:04}" for i in range(3000)], ["Pop", "Jazz"], []):
        assert write_genres(path, genres)
        assert read_tags(path).genres == tuple(genres)
        assert payload_hash(path, container) == payload
    assert seen_genres(path) == []


@pytest.mark.parametrize("kind", READ_ONLY)
def test_containers_without_tags_are_refused(tmp_path, kind):
    """The file stays as it is, and the reason is the one that reading gave."""
    path = make_audio(tmp_path, kind)
    before = path.read_bytes()
    reason = read_tags(path).unwritable
    with pytest.raises(UnsupportedTagError) as error:
        write_genres(path, GENRES)
    assert reason
    assert reason in str(error.value)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before


def test_the_same_length_is_changed_in_place(mp3):
    """A tag with padding neither grows nor moves the audio."""
    write_genres(mp3, ["Rock"])
    size = mp3.stat().st_size
    write_genres(mp3, ["Rock", "Pop"])
    assert mp3.stat().st_size == size


def test_mode_and_extended_attributes_are_kept(mp3):
    """The file that takes the place has the permissions of the old one."""
    mp3.chmod(0o640)
    has_xattr = hasattr(os, "setxattr")
    if has_xattr:
        try:
            os.setxattr(mp3, "user.rating", b"5")
        except OSError:
            has_xattr = False
    write_genres(mp3, ["Rock"])
    assert mp3.stat().st_mode & 0o777 == 0o640
    assert not has_xattr or os.getxattr(mp3, "user.rating") == b"5"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_the_owner_is_kept(mp3):
    """Root writes a file of somebody else without taking it."""
    os.chown(mp3, 1234, 2345)
    write_genres(mp3, ["Rock"])
    assert (mp3.stat().st_uid, mp3.stat().st_gid) == (1234, 2345)


@pytest.mark.parametrize("keep_mtime", [True, False])
def test_the_time_is_kept_on_request_only(mp3, keep_mtime):
    """Media servers see the change by its time, unless the user wants otherwise."""
    os.utime(mp3, ns=(10**18, 10**18 + 7))
    write_genres(mp3, ["Rock"], options=WriteOptions(keep_mtime=keep_mtime))
    assert (mp3.stat().st_mtime_ns == 10**18 + 7) == keep_mtime


def test_hard_links_are_skipped(mp3):
    """A file with two names is left alone, and the message says so."""
    os.link(mp3, mp3.with_name("seeding.mp3"))
    with pytest.raises(UnsupportedTagError, match="hard links"):
        write_genres(mp3, ["Rock"])
    assert read_tags(mp3).genres == ()


def test_hard_links_are_broken_on_request(mp3):
    """The named file gets the genre, its other name keeps the old content."""
    other = mp3.with_name("seeding.mp3")
    os.link(mp3, other)
    before = other.read_bytes()
    write_genres(mp3, ["Rock"], options=WriteOptions(hardlinks="write"))
    assert read_tags(mp3).genres == ("Rock",)
    assert other.read_bytes() == before


def test_a_symbolic_link_stays_one(mp3, tmp_path):
    """The file behind the link is replaced, not the link."""
    folder = tmp_path / "links"
    folder.mkdir()
    link = folder / "link.mp3"
    link.symlink_to(mp3)
    write_genres(link, ["Rock"])
    assert link.is_symlink()
    assert read_tags(mp3).genres == ("Rock",)
    assert list(folder.iterdir()) == [link]


@pytest.mark.parametrize("make", ["missing", "folder", "fifo", "dangling"])
def test_what_is_no_file_is_an_error_at_once(tmp_path, make):
    """Nothing blocks, and the message names the path."""
    path = tmp_path / "x.mp3"
    if make == "folder":
        path.mkdir()
    elif make == "fifo":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no FIFOs")
        os.mkfifo(path)
    elif make == "dangling":
        path.symlink_to(tmp_path / "gone")
    for call in (read_tags, lambda p: write_genres(p, ["Rock"])):
        with pytest.raises(TagError, match=r"x\.mp3|gone"):
            call(path)


def test_an_empty_file_is_refused(tmp_path):
    """Zero bytes are no container."""
    path = tmp_path / "x.mp3"
    path.touch()
    assert read_tags(path).container == "unknown"
    with pytest.raises(UnsupportedTagError):
        write_genres(path, ["Rock"])
    assert path.stat().st_size == 0


def test_a_read_only_file_is_left_alone(mp3):
    """Renaming could replace it, but its owner has said no."""
    mp3.chmod(0o444)
    with pytest.raises(WriteError, match="read-only"):
        write_genres(mp3, ["Rock"])


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_read_only_folder_is_an_error(mp3):
    """No copy can be made beside the file."""
    mp3.parent.chmod(0o555)
    try:
        with pytest.raises(WriteError, match="denied"):
            write_genres(mp3, ["Rock"])
    finally:
        mp3.parent.chmod(0o755)


def test_a_file_that_changed_since_it_was_read_is_left_alone(mp3):
    """What another program wrote in between is not overwritten."""
    info = read_tags(mp3)
    write_genres(mp3, ["Jazz"])
    before = mp3.read_bytes()
    with pytest.raises(WriteError, match="another program"):
        write_genres(mp3, ["Rock"], expected=info)
    assert mp3.read_bytes() == before


def test_a_file_that_changes_while_it_is_written_is_left_alone(mp3):
    """Between the copy and the rename another program saves the file."""
    prepared = prepare(mp3, ["Rock"])
    assert prepared is not None
    time.sleep(0.01)
    mp3.write_bytes(mp3.read_bytes() + b"more")
    before = mp3.read_bytes()
    with pytest.raises(WriteError, match="another program"), prepared:
        prepared.commit()
    assert mp3.read_bytes() == before
    assert not prepared.temp.exists()


def test_preparing_tells_what_a_journal_needs(mp3):
    """The record has both lists of genres and the hash, and changes nothing until committed."""
    write_genres(mp3, ["Jazz"])
    before = mp3.read_bytes()
    with prepare(mp3, ["Rock"]) as prepared:
        assert (prepared.path, prepared.before, prepared.after) == (mp3, ("Jazz",), ("Rock",))
        assert (
            prepared.was.payload
            == payload_hash(mp3, "mp3")
            == payload_hash(prepared.temp, "mp3")
        )
        assert mp3.read_bytes() == before
    assert not prepared.temp.exists()
    assert mp3.read_bytes() == before


@pytest.mark.parametrize("kind", WRITABLE)
def test_the_undo_patches_bring_back_every_byte(tmp_path, kind):
    """What a journal would keep makes the original of the written file again."""
    path = make_audio(tmp_path, kind, title="A title")
    before = path.read_bytes()
    with prepare(path, GENRES * 300) as prepared:
        prepared.commit()
    back = tmp_path / "back"
    with open_source(path) as source:
        filecopy.copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before


@pytest.mark.parametrize("name", ["é" * 125, "x" * 251, "ジ" * 83, "caf\udce9" * 20])
def test_a_name_of_any_length_and_encoding_can_be_written(tmp_path, name):
    """The copy's name is cut between letters, well below what file systems allow."""
    path = make_audio(tmp_path, "mp3")
    try:
        path = path.rename(tmp_path / f"{name}.mp3")
    except OSError:
        pytest.skip("this file system refuses such a name")
    with prepare(path, ["Rock"]) as prepared:
        assert len(os.fsencode(prepared.temp.name)) <= 143
        assert os.fsdecode(os.fsencode(prepared.temp.name)).startswith(f".{name[:20]}")
        assert filecopy.is_temp(prepared.temp)
        assert not filecopy.is_temp(path)
        prepared.commit()
    assert read_tags(path).genres == ("Rock",)


@pytest.mark.parametrize("genre", ["", "  ", "a\0b", "\ud800"])
def test_what_is_no_genre_is_refused(mp3, genre):
    """Blank text, NUL and half characters cannot be read back from every container."""
    before = mp3.read_bytes()
    with pytest.raises(WriteError):
        write_genres(mp3, ["Rock", genre])
    assert mp3.read_bytes() == before


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_is_named_as_the_cause(mp3, monkeypatch, code):
    """The message begins with the file as it was given, which reports leave out beside it."""
    before, opened = mp3.read_bytes(), os.open

    def no_new_file(path, flags, *rest, **more):
        if flags & os.O_CREAT and filecopy.is_temp(Path(path)):
            raise OSError(code, os.strerror(code), str(path))
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", no_new_file)
    monkeypatch.chdir(mp3.parent)
    given = Path(mp3.name)
    with pytest.raises(WriteError, match="Make the folder writable") as raised:
        write_genres(given, GENRES)
    said = str(raised.value)
    assert said.startswith(f"{given}: the genre was not written")
    assert f"its folder {mp3.parent} cannot be written ({os.strerror(code)})" in said
    assert said.count(given.name) == 1
    assert mp3.read_bytes() == before


def test_what_fails_later_has_the_name_that_was_given_too(mp3, monkeypatch):
    """Not the one that its links lead to, which would stand beside it in a report."""
    link = mp3.with_name("link.mp3")
    link.symlink_to(mp3)
    monkeypatch.setattr(filecopy, "sync_file", raising(OSError(errno.EIO, "I/O error")))
    with pytest.raises(WriteError, match="I/O error") as raised:
        write_genres(link, GENRES)
    assert str(raised.value).startswith(f"{link}: the genre was not written")


def raising(error):
    """A function that does nothing but raise."""

    def function(*_, **__):
        raise error

    return function
