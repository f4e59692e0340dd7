"""What a file has besides its bytes comes through a write, or the write does not happen."""

import os
import struct
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tagger.errors import WriteError
from tagger.tags import read_tags
from tagger.writing import attributes
from tagger.writing.safe_write import write_genres
from tests.synth_audio import make_audio

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="attributes of Linux")

ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", kind, bits, who)
    for kind, bits, who in [
        (0x01, 6, 0xFFFFFFFF),  # the owner
        (0x02, 4, 4321),  # a user of its own
        (0x04, 4, 0xFFFFFFFF),  # the group
        (0x10, 4, 0xFFFFFFFF),  # the mask
        (0x20, 0, 0xFFFFFFFF),  # others
    ]
)


@pytest.fixture
def mp3(tmp_path):
    """An mp3 without a genre."""
    return make_audio(tmp_path, "mp3", title="A title")


def set_xattr(path, name, value):
    try:
        os.setxattr(path, name, value)
    except OSError:
        pytest.skip("this file system has no such attributes")


def test_an_access_list_is_kept(mp3):
    """Who may read the file by name may read it afterwards."""
    set_xattr(mp3, "system.posix_acl_access", ACL)
    mode = mp3.stat().st_mode
    write_genres(mp3, ["Rock"])
    assert os.getxattr(mp3, "system.posix_acl_access") == ACL
    assert mp3.stat().st_mode == mode


def test_a_file_does_not_get_the_access_list_of_its_folder(mp3):
    """What the folder gives to new files is not for those that were there."""
    set_xattr(mp3.parent, "system.posix_acl_default", ACL)
    write_genres(mp3, ["Rock"])
    assert os.listxattr(mp3) == []
    assert mp3.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("forbidden", "said"),
    [("chown", "owner and group"), ("setxattr", "user.rating"), ("chmod", "mode")],
)
def test_what_cannot_be_kept_keeps_the_file_as_it_is(mp3, monkeypatch, forbidden, said):
    """The reason names what would be lost; neither the file nor its folder changes."""
    set_xattr(mp3, "user.rating", b"5")
    mp3.chmod(0o640)
    if forbidden == "chown":
        if os.geteuid() != 0:
            pytest.skip("only root makes a file of somebody else")
        os.chown(mp3, 1234, 2345)

    def refuse(*args, **kwargs):
        raise PermissionError(1, "Operation not permitted")

    before = mp3.read_bytes()
    monkeypatch.setattr(os, forbidden, refuse)
    with pytest.raises(WriteError, match=said):
        write_genres(mp3, ["Rock"])
    monkeypatch.undo()
    assert mp3.read_bytes() == before
    assert list(mp3.parent.iterdir()) == [mp3]


@pytest.mark.parametrize("flag", ["i", "a"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_locked_file_is_told_with_its_remedy(mp3, flag, folder):
    """The lock of a file or of its folder is named, and how to take it off."""
    locked = mp3.parent if folder else mp3
    if subprocess.run(
        ["chattr", f"+{flag}", locked], capture_output=True, check=False
    ).returncode:
        pytest.skip("such flags cannot be set here")
    try:
        with pytest.raises(WriteError, match=f"chattr -{flag}"):
            write_genres(mp3, ["Rock"])
        assert read_tags(mp3).genres == ()
        assert list(mp3.parent.iterdir()) == [mp3]
    finally:
        subprocess.run(["chattr", f"-{flag}", locked], check=True)


def test_a_lock_of_bsd_is_told_too(mp3, monkeypatch):
    """Other systems have their own word for it."""
    monkeypatch.setattr(attributes.sys, "platform", "darwin")
    path = SimpleNamespace(stat=lambda: SimpleNamespace(st_flags=0x2), parent=mp3.parent)
    assert "chflags nouchg" in attributes.why_locked(path)
    assert attributes.why_locked(mp3) is None
