"""The workers of a service: processes of their own, started again when they end."""

import io
import json
import logging
import subprocess
import sys
import threading
import time
from typing import Self

from tagger.service.options import ServeOptions, record_of

log = logging.getLogger(__name__)

_PATIENCE_S = 15.0
"""Seconds that a worker may take to finish the file in its hand."""

_PAUSES_S = (0.0, 1.0, 5.0, 30.0)


class Supervisor:
    """Keeps some workers alive, in a thread. Use it in a `with` statement."""

    def __init__(self, options: ServeOptions) -> None:
        self.options = options
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(slot,), name=f"worker-{slot}")
            for slot in range(options.workers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _keep(self, slot: int) -> None:
        """Start one worker, and again when it ends; the pauses grow if it ends at once."""
        n_short = 0
        while not self._stop.is_set():
            started_s = time.monotonic()
            code = self._run(slot)
            if self._stop.is_set():
                return
            is_short = time.monotonic() - started_s < 60.0
            n_short = n_short + 1 if is_short else 0
            pause_s = _PAUSES_S[min(n_short, len(_PAUSES_S) - 1)]
            log.warning("worker %d ended (%d); another one starts in %g s", slot, code, pause_s)
            self._stop.wait(pause_s)

    def _run(self, slot: int) -> int:
        """Run one worker to its end, which a closed stdin asks it for."""
        command = [sys.executable, "-m", "tagger.service.jobs"]
        # Descriptor 2 may lead nowhere by now, sys.stderr does not (`tagger.system.quiet`).
        with subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stderr=_stderr(), text=True
        ) as process:
            assert process.stdin is not None
            try:
                # Not as arguments: the database's URL may hold a secret.
                process.stdin.write(
                    json.dumps({"options": record_of(self.options), "slot": slot}) + "\n"
                )
                process.stdin.flush()
            except BrokenPipeError:
                return process.wait()
            while process.poll() is None:
                if self._stop.wait(0.1):
                    process.stdin.close()
                    try:
                        return process.wait(_PATIENCE_S)
                    except subprocess.TimeoutExpired:
                        process.kill()
            return process.wait()


def _stderr() -> int | None:
    """The descriptor of Python's own stderr; None where it has none."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, io.UnsupportedOperation):
        return None
