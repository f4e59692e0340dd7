"""The other process: decodes one file after another for `tagger.audio.process_client`.

A line of JSON on stdin asks for a file; the answers on stdout are a kind (one byte), a length
(four bytes) and as many bytes:

    W   a window, float32            S   a silent window, nothing
    M   a window lies in the slot of shared memory that stands where the length does
    E   the end: length in seconds   X   the file cannot be read: [class of the error, message]
    H   once, in front of all others: the process has started

An empty line on stdin says that the oldest slot in use is free again.

A file whose next window takes longer than the limit ends the process, by an alarm (or a thread)
that needs neither the interpreter nor its lock: no hang in native code outlives the scan.
"""

import contextlib
import faulthandler
import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.audio.shared_slots import N_SLOTS, Slots
from tagger.errors import TrackError

HEAD = struct.Struct("<cI")
FREE = b"\n"
MEMORY_BYTES = 4 << 30
"""Address space of the process: what a decoder asks for beyond it fails in this file alone."""


def serve(requests: BinaryIO, answers: BinaryIO, *, slots: Slots | None = None) -> None:
    """Answer requests until there are no more.

    Args:
        requests: lines of JSON: the path, the seconds that may pass until its next window is
            there, the fields of `RequestedWindows`.
        answers: where windows go.
        slots: shared memory for the windows; None sends them with the answers.
    """
    # The scan waits for this word: a process that cannot even start is known before any file.
    answers.write(HEAD.pack(b"H", 0))
    answers.flush()
    while line := requests.readline():
        if line == FREE:  # of a file that is done
            continue
        request = json.loads(line)
        limit_s = request.pop("limit_s")
        path, requested = Path(request.pop("path")), RequestedWindows(**request)
        if slots is not None:
            slots.fit(requested.window_len)
        n_put = 0
        for kind, data in _answers(path, requested, limit_s):
            if kind == b"W" and slots is not None:
                # As long as slots are left, nobody is asked: decoding runs ahead of the model.
                if n_put >= N_SLOTS and requests.readline() != FREE:
                    return  # nobody listens any more
                slots.put(n_put % N_SLOTS, np.frombuffer(data, np.float32))
                answers.write(HEAD.pack(b"M", n_put % N_SLOTS))
                answers.flush()
                n_put += 1
            else:
                answers.write(HEAD.pack(kind, len(data)))
                answers.write(data)
        answers.flush()


def _answers(
    path: Path, requested: RequestedWindows, limit_s: float
) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """All answers to one request; the clock stands while an answer is being sent."""
    listening = listen(path, requested)
    try:
        while True:
            _set_alarm(limit_s)
            try:
                window = next(listening)
            finally:
                _set_alarm(0.0)
            if window is None:
                yield b"S", b""
            else:
                yield b"W", np.ascontiguousarray(window, np.float32).data.cast("B")
    except StopIteration as end:
        yield b"E", json.dumps(end.value).encode()
    except TrackError as error:
        yield b"X", json.dumps([type(error).__name__, str(error)]).encode()
    except MemoryError:
        message = (
            f"{path}: decoding it would take more than {MEMORY_BYTES >> 30} GiB of memory."
        )
        yield b"X", json.dumps(["DecodeError", message]).encode()
    except Exception as error:  # noqa: BLE001, a defect of ours must not stop the others
        message = f"{path}: an unexpected {type(error).__name__} ({error}); please report it"
        yield b"X", json.dumps(["TrackError", message]).encode()


def _set_alarm(limit_s: float) -> None:
    """End this process after so many seconds; 0 calls it off."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, limit_s)
    elif limit_s:
        faulthandler.dump_traceback_later(limit_s, exit=True, file=sys.__stderr__)
    else:
        faulthandler.cancel_dump_traceback_later()


def _bound_memory() -> None:
    """Limit this process, and keep it from leaving core files in somebody's folder."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415, it does not exist on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # The address space and not the memory in use, which Linux does not limit.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main(descriptor: int | None) -> None:
    """Serve the process that started this one, through memory that it handed over."""
    _bound_memory()
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # whatever was inherited
    # The answers keep a descriptor of their own before number 1 is turned away.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())  # what libraries print is no answer
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):  # nobody listens any more
        slots = None if descriptor is None else Slots(descriptor)
        serve(sys.stdin.buffer, answers, slots=slots)
