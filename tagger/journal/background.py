"""Write in a thread of its own, several files at a time, while others are decoded."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tagger.journal.run import GROUP, Outcome, Writer, WriteRequest

T = TypeVar("T")
R = TypeVar("R")

_IN_FLIGHT = 2 * GROUP
"""While one group is written, the next one gathers."""

_Pending = tuple[WriteRequest, Future[Outcome]]


def write_in_background(
    items: Iterable[T],
    request_of: Callable[[T], WriteRequest | None],
    with_outcome: Callable[[T, Outcome], R],
    *,
    writer: Writer,
    stop: threading.Event,
) -> Generator[T | R, None, None]:
    """Take items as they come, and write those that ask for it.

    What has gathered while the last group was written, if anything, is the next group: nothing
    waits for a group to be full.

    Args:
        items: taken one by one.
        request_of: what is to be written of an item; None for nothing.
        with_outcome: an item, and what became of it.
        writer: what writes, called in one other thread.
        stop: once set, the file that is being written is finished, the others are left.

    Yields:
        Items of which nothing is to be written as they are, and at once; the others with what
        became of them, in their order. What the items or the writer raise is raised after all
        that was written by then.
    """
    gathered: deque[_Pending] = deque()
    pending: deque[tuple[T, Future[Outcome]]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="write") as thread:
        try:
            for item in items:
                request = request_of(item)
                if request is None:
                    yield item
                else:
                    future: Future[Outcome] = Future()
                    pending.append((item, future))
                    gathered.append((request, future))
                    thread.submit(_write_gathered, gathered, writer)
                while pending and (pending[0][1].done() or len(pending) >= _IN_FLIGHT):
                    done, future = pending.popleft()
                    yield with_outcome(done, future.result())
            for item, outcome in _left(pending, stop):
                yield with_outcome(item, outcome)
        except Exception:  # of the items or of the writer: what is written is still reported
            for item, outcome in _begun(pending):
                yield with_outcome(item, outcome)
            raise
        finally:
            for _, future in pending:
                future.cancel()


def _left(
    pending: deque[tuple[T, Future[Outcome]]], stop: threading.Event
) -> Iterator[tuple[T, Outcome]]:
    """When stopped, what has not begun is left; what runs is finished and reported."""
    while pending:
        item, future = pending.popleft()
        if not (stop.is_set() and future.cancel()):
            yield item, future.result()


def _begun(pending: deque[tuple[T, Future[Outcome]]]) -> Iterator[tuple[T, Outcome]]:
    """Leave what has not begun, and wait for the rest; what failed is not reported twice."""
    # All are cancelled before any is waited for, so that nothing new begins meanwhile.
    begun = [(item, future) for item, future in pending if not future.cancel()]
    pending.clear()
    for item, future in begun:
        if future.exception() is None:
            yield item, future.result()


def _write_gathered(gathered: deque[_Pending], writer: Writer) -> None:
    """Write up to a group of what has gathered; an earlier call may have taken it all.

    There is one call an item: whoever comes first takes what is there.
    """
    group = [gathered.popleft() for _ in range(min(GROUP, len(gathered)))]
    group = [(request, future) for request, future in group if not future.cancelled()]
    if not group:
        return
    with contextlib.closing(writer([request for request, _ in group])) as outcomes:
        for _, future in group:
            if not future.set_running_or_notify_cancel():
                break  # all behind it are left too
            try:
                future.set_result(next(outcomes))
            except BaseException as error:  # noqa: BLE001, raised where it is waited for
                future.set_exception(error)
