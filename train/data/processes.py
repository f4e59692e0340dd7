"""Work for threads or processes, handed out piece by piece, its results in order.

Processes are not forked, since one with torch's threads in it cannot be; each ends with the one
that started it, however that ends.
"""

import itertools
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from tagger.errors import InputError

T = TypeVar("T")


def by_processes(
    function: Callable[..., T],
    jobs: Iterable[tuple[Any, ...]],
    *,
    n_jobs: int,
    what: str,
    begin: Callable[..., None] | None = None,
    with_: tuple[Any, ...] = (),
) -> Iterator[T]:
    """Results in the order of the jobs, few of which wait at any time.

    Args:
        function: of a module, as all that goes to other processes.
        jobs: its arguments, asked for when there is room.
        n_jobs: processes; 0 if there are no jobs.
        what: happens in them, for the error.
        begin: prepares each process.
        with_: its arguments.

    Raises:
        InputError: a process was ended from outside, or what the function raises.
    """
    if n_jobs == 0:
        return
    pool = ProcessPoolExecutor(
        n_jobs,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(begin, with_),
    )
    try:
        yield from in_order(pool, function, jobs, n_ahead=3 * n_jobs)
    except BrokenProcessPool as error:
        raise InputError(
            f"{what} ended, perhaps for lack of memory; the same command goes on where it"
            " stopped."
        ) from error


def in_order(
    pool: Executor,
    function: Callable[..., T],
    jobs: Iterable[tuple[Any, ...]],
    *,
    n_ahead: int,
) -> Iterator[T]:
    """Results in the order of the jobs, at most `n_ahead` of them under way; ends the pool."""
    pending: deque[Future[T]] = deque()
    ahead = iter(jobs)
    try:
        while True:
            for job in itertools.islice(ahead, n_ahead - len(pending)):
                pending.append(pool.submit(function, *job))
            if not pending:
                return
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(begin: Callable[..., None] | None, with_: tuple[Any, ...]) -> None:
    threading.Thread(target=_follow_parent, daemon=True).start()
    if begin is not None:
        begin(*with_)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
