"""Decoding in another process, so that a file that crashes or hangs a decoder costs no other.

libsndfile and FFmpeg are native code and files are anybody's: a crash would end the scan, a
hang would keep a thread for ever. A decoding process is started when the first file needs it,
used for one file after another, and replaced after it has died.
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Self

import numpy as np

from tagger import errors
from tagger.audio.process_server import FREE, HEAD
from tagger.audio.requested_windows import Listening, RequestedWindows
from tagger.audio.shared_slots import Slots, new_memory
from tagger.audio.windows import Waveform
from tagger.errors import DecodeError, StartError, TrackError
from tagger.system.limits import LIMIT_S

_SERVER = "tagger.audio.process_server"
_OWN_GROUP = None if sys.platform == "win32" else 0
"""A process group of its own: Ctrl-C is for the scan to answer."""

_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, linux/fcntl.h
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # glibc hands every freed block of a megabyte back to the system, which then clears it
    # page by page for the next one: a tenth of the time of decoding a whole track.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
    "MALLOC_TOP_PAD_": str(1 << 24),
}
_DEATHS = (OSError, EOFError, ValueError, struct.error)


class DecodeProcess:
    """A decoding process and what it is asked; for one thread. Use it in a `with` statement."""

    def __init__(self, *, limit_s: float = LIMIT_S) -> None:
        """Start nothing yet.

        Args:
            limit_s: seconds that the next window of a file may take.
        """
        self.limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._is_interrupted = False
        self._memory = new_memory()
        self._slots = None if self._memory is None else Slots(self._memory)

    def listen(self, path: Path, requested: RequestedWindows) -> Listening:
        """Yield and return the same as `tagger.audio.requested_windows.listen`.

        Raises:
            DecodeError: the file cannot be read, or its decoder crashed or took too long.
            StartError: no decoding process can be started.
        """
        process = self.start()
        assert process.stdin
        assert process.stdout
        request = {"path": os.fspath(path), "limit_s": self.limit_s, **asdict(requested)}
        if self._slots is not None:
            self._slots.fit(requested.window_len)
        is_answered = False
        asked = time.monotonic()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            while True:
                asked = time.monotonic()
                kind, length = HEAD.unpack(process.stdout.read(HEAD.size))
                if kind not in b"SWM":
                    break
                if kind == b"M" and self._slots is not None:
                    window = self._slots.take(length)
                    process.stdin.write(FREE)
                    process.stdin.flush()
                    yield window
                else:
                    yield _window(process.stdout, length) if kind == b"W" else None
            answer = json.loads(process.stdout.read(length))
            is_answered = True
        except _DEATHS as error:
            # An alarm ends the process without a word: only the clock tells it from a crash.
            is_late = time.monotonic() - asked >= self.limit_s
            reason = _late(self.limit_s) if is_late else _last_words(process)
            raise DecodeError(f"{path}: {reason}") from error
        finally:
            if not is_answered:  # it is dead, or the caller wants no more
                self.close()
        if kind == b"X":
            # The class by its name: another version of ours might send one that is not there.
            raise getattr(errors, answer[0], TrackError)(answer[1])
        return float(answer)

    @property
    def is_started(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def is_alive(self) -> bool:
        """Whether there is a process that can be asked for another file."""
        process = self._process
        return process is not None and not self._is_interrupted and process.poll() is None

    def start(self) -> "subprocess.Popen[bytes]":
        """The process, which is started if there is none.

        Raises:
            StartError: no decoding process can be started.
        """
        if self._process is None:
            self._process = _start(self._memory)
        return self._process

    def interrupt(self) -> None:
        """Have another thread's `listen` fail now."""
        process = self._process
        if process is not None:
            self._is_interrupted = True  # before it is dead: it may be given back just now
            process.kill()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what was still to be sent is not wanted
                if pipe is not None:
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in a dead share
            process.wait(timeout=1.0)

    def dispose(self) -> None:
        """End the process and free its memory; nothing can be asked afterwards."""
        self.close()
        if self._memory is not None:
            os.close(self._memory)
            self._memory = self._slots = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.dispose()


def _start(memory: int | None) -> "subprocess.Popen[bytes]":
    """A new decoding process; it imports from where this one does and from nowhere else."""
    # -P, since `-m` and `-c` would look for modules in the current folder: anybody's music.
    start = (
        f"import sys; sys.path[:] = sys.argv[1:]; from {_SERVER} import main; main({memory})"
    )
    environment = os.environ | _ENVIRONMENT
    try:
        process = subprocess.Popen(  # noqa: S603, it is this program
            [sys.executable, "-P", "-c", start, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            pass_fds=() if memory is None else (memory,),
            process_group=_OWN_GROUP,
        )
    except OSError as error:
        raise StartError(
            f"{sys.executable}: no process can be started for decoding ({error.strerror});"
            " close other programs, or raise the limit on processes (ulimit -u) or on open"
            " files (ulimit -n)."
        ) from error
    if not _says_hello(process):
        raise StartError(
            f"{sys.executable}: the process for decoding ended at once; see what"
            f" `{sys.executable} -c 'import {_SERVER}'` says."
        )
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415, it does not exist on Windows

        assert process.stdout
        with contextlib.suppress(OSError):  # a smaller pipe is slower, not wrong
            fcntl.fcntl(process.stdout, _SET_PIPE_SIZE, _PIPE_BYTES)
    return process


def _says_hello(process: "subprocess.Popen[bytes]") -> bool:
    assert process.stdout
    return process.stdout.read(HEAD.size) == HEAD.pack(b"H", 0)


def _window(answers: IO[bytes], length: int) -> Waveform:
    window = np.empty(length // 4, np.float32)
    if answers.readinto(window.data.cast("B")) < length:  # type: ignore[attr-defined]
        raise EOFError
    return window


def _late(limit_s: float) -> str:
    return (
        f"its decoder was stopped after {limit_s:g} s without any audio;"
        " the file is damaged, or its disk or share does not answer."
    )


def _last_words(process: "subprocess.Popen[bytes]") -> str:
    """Why a decoding process is dead, and what to do."""
    try:
        code = process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return "the process that decodes it stopped answering; scan the file again."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"exit code {code}"
    return (
        f"its decoder crashed ({name}); the file is damaged in a way that the decoder does not"
        " expect. If it plays elsewhere, converting it to FLAC may help."
    )
