"""What a file has besides its bytes: owner, mode, ACLs, extended attributes, times, locks.

A copy that takes the place of its original has all of them, or does not take it.
"""

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path

from tagger.errors import WriteError

_GETFLAGS = 0x80086601  # linux/fs.h: FS_IOC_GETFLAGS
_BITS = {"i": 0x10, "a": 0x20}
_LOCKS = {"i": "immutable", "a": "append-only"}
_BSD_LOCKED = 0x2 | 0x4 | 0x20000 | 0x40000  # sys/stat.h: UF_, SF_ of IMMUTABLE and APPEND
_NO_XATTRS = {errno.ENOTSUP, errno.ENOSYS}
_ABOUT_CONTENT = {"security.ima", "security.evm"}
"""Signatures over the content: of a changed file they would be wrong."""


def copy_attributes(
    original: Path, copy: Path, state: os.stat_result, *, mtime_ns: int | None
) -> None:
    """Give a copy the owner, mode, ACLs and extended attributes of its original.

    Args:
        original: the file.
        copy: a file of this process beside it.
        state: what `stat` said of the original.
        mtime_ns: the modification time that the copy shall have; None for now.

    Raises:
        WriteError: one of them cannot be kept; the message says which.
        OSError: they cannot be read.
    """
    if sys.platform != "win32":
        _copy_owner(copy, state)
    with contextlib.suppress(PermissionError):  # shares and FAT have no modes to set
        copy.chmod(stat.S_IMODE(state.st_mode))
    if sys.platform == "linux":
        _copy_xattrs(original, copy)
    if mtime_ns is not None:
        os.utime(copy, ns=(state.st_atime_ns, mtime_ns))
    # Last, since the calls above may fail in silence.
    _check_kept(original, copy, state)


def why_locked(path: Path) -> str | None:
    """Why neither a name nor a byte of a file may change, whoever asks; None if they may."""
    for place, what in ((path, "it"), (path.parent, "its folder")):
        if sys.platform == "linux":
            if flag := _linux_flag(place):
                return f"{what} is {_LOCKS[flag]}: `chattr -{flag}` unlocks {what}"
        elif getattr(place.stat(), "st_flags", 0) & _BSD_LOCKED:
            return f"{what} is locked: `chflags nouchg,noschg` unlocks {what}"
    return None


def _linux_flag(path: Path) -> str | None:
    """The letter of `chattr`, or None; file systems without such flags have none set."""
    if sys.platform != "linux":
        return None
    import fcntl  # noqa: PLC0415, it does not exist on Windows

    flags = bytearray(8)
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # a folder may be entered without being listed
        return None
    try:
        fcntl.ioctl(file, _GETFLAGS, flags)
    except OSError:
        return None
    finally:
        os.close(file)
    bits = int.from_bytes(flags[:4], sys.byteorder)
    return next((letter for letter, bit in _BITS.items() if bits & bit), None)


def _copy_owner(copy: Path, state: os.stat_result) -> None:
    """Owner and group; the group alone where the owner cannot be given away."""
    now = copy.stat()
    if (now.st_uid, now.st_gid) == (state.st_uid, state.st_gid):
        return
    # -1 keeps the owner: a member of the group may still set that.
    for uid in (state.st_uid, -1):
        with contextlib.suppress(OSError):
            os.chown(copy, uid, state.st_gid)
            return


def _copy_xattrs(original: Path, copy: Path) -> None:
    """ACLs are among them; what the folder gave the copy of its own is removed."""
    expected, there = _xattrs(original), _xattrs(copy)
    for name in there.keys() - expected.keys():
        with contextlib.suppress(OSError):
            os.removexattr(copy, name)
    for name, value in expected.items():
        if there.get(name) != value:
            with contextlib.suppress(OSError):
                os.setxattr(copy, name, value)


def _xattrs(path: Path) -> dict[str, bytes]:
    """Name to value; none where the file system has no such thing."""
    try:
        names = os.listxattr(path)
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return {}
        raise
    return {name: os.getxattr(path, name) for name in names if name not in _ABOUT_CONTENT}


def _check_kept(original: Path, copy: Path, state: os.stat_result) -> None:
    """Compare what the copy has got: only the result counts, not what was refused."""
    now = copy.stat()
    if (now.st_uid, now.st_gid) != (state.st_uid, state.st_gid):
        lost = f"its owner and group ({state.st_uid}:{state.st_gid})"
    elif stat.S_IMODE(now.st_mode) != stat.S_IMODE(state.st_mode):
        lost = f"its mode ({stat.S_IMODE(state.st_mode):o})"
    elif sys.platform == "linux" and (names := _differing(original, copy)):
        lost = f"{' and '.join(names)} of its extended attributes"
    else:
        return
    raise WriteError(
        f"{original}: {lost} cannot be kept, so the file is left as it is. Run tagger as its"
        " owner, or as root."
    )


def _differing(original: Path, copy: Path) -> list[str]:
    expected, got = _xattrs(original), _xattrs(copy)
    return sorted(
        name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name)
    )
