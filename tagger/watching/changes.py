"""What changes in some folders: native events, or polling where there are none."""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from tagger.errors import MissingExtraError
from tagger.watching.told import Told

TICK_S = 1.0
"""The longest time without a word, so that whoever waits for files can look again."""

POLL_S = 5.0
"""Time between two looks at a network share."""

_GATHER_MS = 500
"""Changes that come so close after each other come together."""

REMOTE = frozenset(
    "nfs nfs4 cifs smb2 smb3 smbfs ncpfs afs 9p ceph glusterfs davfs fuse.sshfs fuse.rclone"
    " fuse.davfs2 fuse.gvfsd-fuse fuse.s3fs fuse.mergerfs fuse.vmhgfs-fuse virtiofs"
    " vboxsf".split()
)
"""File systems on which others write without the kernel here being told."""

MOUNTS = Path("/proc/self/mounts")


def watch_changes(
    folders: Sequence[Path], *, stop: threading.Event, poll: bool | None = None
) -> Iterator[set[Path]]:
    """What has changed, or an empty set each second, until `stop` is set.

    A folder that is lost (a share that went away) is waited for, and itself named as changed
    when it is back. Of very many changes at once no more is said than that they are somewhere
    in the folders: these are named.

    Args:
        folders: watched with all that is in them.
        stop: ends the generator.
        poll: look at all files again and again; None for where events cannot be had.

    Raises:
        MissingExtraError: watchfiles is not installed.
    """
    try:
        import watchfiles  # noqa: F401, PLC0415 - an extra, missed before anything is opened
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "watching needs the package watchfiles: pip install 'tagger-music[watch]'"
            " brings it."
        ) from error
    is_polled = any(map(is_remote, folders)) if poll is None else poll
    return _changes(folders, stop, is_polled=is_polled)


def _changes(
    folders: Sequence[Path], stop: threading.Event, *, is_polled: bool
) -> Iterator[set[Path]]:
    while not stop.is_set():
        if (marks := _marks(folders)) is None:
            stop.wait(TICK_S)
            yield set()
            continue
        for changed in _events(folders, stop, is_polled=is_polled):
            yield changed
            # Events of a folder that another file system lies over come no more: begin anew.
            if _marks(folders) != marks:
                yield set(folders)
                break


def _events(
    folders: Sequence[Path], stop: threading.Event, *, is_polled: bool
) -> Iterator[set[Path]]:
    """What watchfiles tells, from its first call on also while nobody asks."""
    from watchfiles import watch  # noqa: PLC0415 - an extra

    told = Told()
    events = watch(
        *folders,
        watch_filter=None,  # its own leaves out names that are fine for music
        debounce=_GATHER_MS,
        step=_GATHER_MS // 5,
        stop_event=told.ended,
        rust_timeout=int(TICK_S * 1000),
        yield_on_timeout=True,
        force_polling=is_polled or None,
        poll_delay_ms=int(POLL_S * 1000),
        raise_interrupt=False,  # Ctrl-C is the command's to handle
        ignore_permission_denied=True,
    )
    paths = ({path for _, path in changes} for changes in events)
    # A thread of its own: what comes while files are scanned would grow without a bound.
    thread = threading.Thread(target=told.listen, args=(paths,), name="changes", daemon=True)
    thread.start()
    try:
        while not told.is_heard(TICK_S):
            if stop.is_set():  # a large share is gone through at first
                return
        while not stop.is_set():
            changed = told.take(TICK_S)
            yield set(folders) if changed is None else set(map(Path, changed))
    finally:
        told.ended.set()
        thread.join(2 * TICK_S)


def is_remote(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Whether a folder is on a network share, as far as the system tells."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False  # not Linux: `--poll` says it
    path = os.path.realpath(folder)
    best, kind = "", ""
    for line in lines:
        _, point, name, *_ = [*line.split(" "), "", ""]
        point = point.encode("latin-1", "replace").decode("unicode_escape")
        is_above = path == point or path.startswith(point.rstrip("/") + "/")
        if is_above and len(point) >= len(best):
            best, kind = point, name
    return kind in REMOTE


def _marks(folders: Sequence[Path]) -> list[tuple[int, int]] | None:
    """Which folders these are; None if one cannot be reached."""
    try:
        return [(one.stat().st_dev, one.stat().st_ino) for one in folders]
    except OSError:
        return None
