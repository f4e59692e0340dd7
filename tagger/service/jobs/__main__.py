"""A worker as a process of its own.

It reads its options as JSON from stdin, which stays open as long as the service lives, and ends
when it is closed.
"""

import json
import logging
import os
import signal
import sys
import threading

from tagger.errors import TaggerError
from tagger.service.jobs.worker import work
from tagger.service.options import options_of
from tagger.system.quiet import silence_native_stderr


def main() -> int:
    """Work until stdin is closed, or a signal comes."""
    silence_native_stderr()  # before a handler takes hold of the descriptor
    logging.basicConfig(level=logging.INFO, format="worker: %(message)s", stream=sys.stderr)
    if hasattr(os, "nice"):
        # A scan has more threads than there are cores: each page would wait behind all of them.
        os.nice(5)
    given = json.loads(sys.stdin.readline())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def wait_for_end() -> None:
        while os.read(0, 1024):  # not by way of sys.stdin, whose lock would hinder the exit
            pass
        stop.set()

    threading.Thread(target=wait_for_end, name="parent", daemon=True).start()
    try:
        work(options_of(given["options"]), stop, slot=given["slot"])
    except TaggerError as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400, a sentence is enough
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
