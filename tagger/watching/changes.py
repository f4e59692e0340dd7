"""What changes in some folders: native events, or polling where there are none."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
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

_REFUSED = "Polling is refused ({}): the folders are looked over every {:g} seconds instead."


def _say_nothing(_sentence: str) -> None:
    """Leave a folder that is lost to be seen from what does not come."""


def watch_changes(
    folders: Sequence[Path],
    *,
    stop: threading.Event,
    poll: bool | None = None,
    on_notice: Callable[[str], None] = _say_nothing,
) -> Iterator[set[Path]]:
    """What has changed, or an empty set each second, until `stop` is set.

    A folder that is lost (a share that went away) is waited for, while the others are followed
    on, and named as changed when it is back. Of very many changes at once no more is said than
    that they are somewhere in the folders: these are named.

    Args:
        folders: watched with all that is in them.
        stop: ends the generator.
        poll: look at all files again and again; None for where events cannot be had.
        on_notice: told, in a sentence, of a folder that is lost, and when it is back.

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
    return _changes(folders, stop, on_notice, is_polled=is_polled)


def _changes(
    folders: Sequence[Path],
    stop: threading.Event,
    on_notice: Callable[[str], None],
    *,
    is_polled: bool,
) -> Iterator[set[Path]]:
    is_new, is_refused, lost = False, False, set[Path]()
    before: list[tuple[int, int] | None] = []
    while not stop.is_set():
        marks = _marks(folders)
        is_refused, before = is_refused and marks == before, marks
        there = [one for one, mark in zip(folders, marks, strict=True) if mark is not None]
        _tell(lost, lost := set(folders).difference(there), on_notice)
        events = (
            _looks(there, stop) if is_refused else _events(there, stop, is_polled=is_polled)
        )
        try:
            for changed in events if there else ():
                # Nothing is told of a folder that is away, or while another file system lies
                # over it; that files are gone, which polling says then, is not so.
                if _marks(folders) != marks:
                    break
                yield changed | set(there) if is_new else changed
                is_new = False
        except FileNotFoundError:
            pass  # lost just now
        except (OSError, RuntimeError) as error:  # watchfiles' own is a RuntimeError
            if _marks(folders) == marks:  # not what a share gives that is lost just now
                if not is_polled or isinstance(error, OSError):
                    raise  # the limit of watches, for one
                on_notice(_REFUSED.format(error, POLL_S))
                is_refused = True
        is_new = True
        if not stop.wait(TICK_S):
            yield set()


def _looks(folders: Sequence[Path], stop: threading.Event) -> Iterator[set[Path]]:
    """Name the folders each time that polling would have looked at them, but cannot.

    One file or folder that may not be read, or a link in a circle, ends watchfiles' polling,
    also where it is told to ignore such. A walk tells of it and goes on.
    """
    while not stop.is_set():
        next_look = time.monotonic() + POLL_S
        while time.monotonic() < next_look and not stop.wait(TICK_S):
            yield set()
        yield set(folders)


def _tell(
    before: Collection[Path], lost: Collection[Path], on_notice: Callable[[str], None]
) -> None:
    """Say which folders are lost now, and which are back."""
    for folder in sorted({*before, *lost}):
        if folder not in before:
            on_notice(f"{folder}: it cannot be reached; it is waited for.")
        elif folder not in lost:
            on_notice(f"{folder}: it is there again, and looked over.")


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


def _marks(folders: Sequence[Path]) -> list[tuple[int, int] | None]:
    """Which folders these are; None for one that cannot be reached."""
    return [_mark(one) for one in folders]


def _mark(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
