"""A layer between tagger and the system that can fail, or kill, at any call."""

import contextlib
import fcntl
import functools
import os
import signal
import threading
import time
import traceback

import pytest

from tagger.state.store import Store
from tagger.tags.base import Source

_CALLS = (
    "open write close fsync copy_file_range chown chmod utime listxattr getxattr setxattr"
    " removexattr replace unlink stat fstat access"
).split()
"""What writing asks of the system; pathlib's methods are these functions too."""


@contextlib.contextmanager
def intercepted(act, *, reads=False):
    """Call `act(number, name)` before each call to the system that this thread makes.

    Transactions of the journal count too: before they begin, before and after they are
    committed. What `act` raises is what the call raises; fsync itself does nothing, since no
    test can pull the plug.

    Args:
        act: gets the number of the call, from 0, and its name.
        reads: count the reading of tags and audio too.

    Yields:
        The names of the calls so far, a list.
    """
    names, thread = [], threading.get_ident()

    def before(name):
        if threading.get_ident() == thread:
            names.append(name)
            act(len(names) - 1, name)

    def wrapped(function, name):
        @functools.wraps(function)
        def call(*args, **kwargs):
            before(name)
            return None if name == "fsync" else function(*args, **kwargs)

        return call

    transaction = Store.transaction

    @contextlib.contextmanager
    def counted(self, **options):
        before("begin")
        with transaction(self, **options) as connection:
            yield connection
            before("commit")
        before("committed")

    with pytest.MonkeyPatch.context() as patch:
        for name in _CALLS:  # all are there on Linux, for which the tests that use this are
            patch.setattr(os, name, wrapped(getattr(os, name), name))
        if reads:
            patch.setattr(Source, "read", wrapped(Source.read, "read"))
        patch.setattr(fcntl, "ioctl", wrapped(fcntl.ioctl, "ioctl"))
        patch.setattr(Store, "transaction", counted)
        yield names


def in_child(work, *, killed_when=None):
    """Run something in a process of its own.

    Args:
        work: what it does.
        killed_when: asked again and again; SIGKILL as soon as it is true.

    Returns:
        Its exit status, negative for a signal; what it raised is on stderr.
    """
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001, nothing of it may reach the parent's tests
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if killed_when is not None:
        ended = os.WEXITED | os.WNOHANG | os.WNOWAIT  # it stays to be waited for
        while not killed_when() and os.waitid(os.P_PID, child, ended) is None:
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
