"""A scan of objects from the listing to the last part: what the driver does."""

import threading
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from tagger.cluster.actor import Done, Work
from tagger.cluster.batches import PART_LEN, Pending, batches, pending
from tagger.cluster.conditional import check_conditional
from tagger.cluster.fetch import MAX_LEN
from tagger.cluster.listing import list_objects
from tagger.cluster.order import BYTES, FOLDERS, ListingOrder
from tagger.cluster.ray_cluster import (
    cause_of,
    check_nodes,
    connected,
    hold,
    model_bytes,
    require_ray,
    spread,
    start_actors,
    stop_actors,
)
from tagger.cluster.records import ObjectEntry
from tagger.cluster.results import Results
from tagger.cluster.stores import Place
from tagger.cluster.write import ObjectWriteOptions
from tagger.cluster.write_rows import begin_writing
from tagger.errors import InputError, StoppedError

if TYPE_CHECKING:
    from tagger.api import Tagger
    from tagger.scan.options import ScanOptions

_WAIT_S = 0.5
"""After so long without a batch somebody looks whether the run is to be stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectScan:
    """What is asked for.

    Attributes:
        cluster: `local`, `auto` or an address.
        n_actors: None for one a core.
        n_decoders: decoding processes of an actor.
        part_len: objects whose rows make one part.
        max_len: bytes of an object that is copied.
        limit: the most objects that are scanned; None for all.
        exclude: patterns of keys that are left out.
        resume: go on where earlier runs have left off.
        retry_failed: hear again what has failed.
        rescan: hear everything again.
        rows_asked: rows come back to the driver as well.
        unsafe_overwrite: write also where the store knows no conditional put.
    """

    cluster: str = "local"
    n_actors: int | None = None
    n_decoders: int = 1
    part_len: int = PART_LEN
    max_len: int = MAX_LEN
    limit: int | None = None
    exclude: Sequence[str] = ()
    resume: bool = False
    retry_failed: bool = False
    rescan: bool = False
    rows_asked: bool = False
    unsafe_overwrite: bool = False


@dataclass(slots=True)
class Lost:
    """A batch that was given up; none of its objects has a row.

    Attributes:
        entries: its objects.
        reason: why.
    """

    entries: list[ObjectEntry]
    reason: str


@dataclass(slots=True)
class RunningScan:
    """A run that has begun.

    Attributes:
        number: in the results.
        n_actors: who works; none where nothing is left to do.
        passed: objects that earlier runs have done, by status.
        batches: to be iterated over once, as they are done.
    """

    number: int
    n_actors: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    batches: Iterator[Done | Lost] = field(default_factory=lambda: iter(()))


@contextmanager
def scanning(
    tagger: "Tagger",
    place: Place,
    results: Results,
    *,
    options: "ScanOptions",
    asked: ObjectScan,
    stop: threading.Event,
) -> Iterator[RunningScan]:
    """Begin a scan of objects; what is iterated over are its batches, as they are done.

    Args:
        tagger: gives the model and the settings; it decodes nothing.
        place: where the objects lie.
        results: where rows go.
        options: what is decided.
        asked: how it is done.
        stop: once set, no batch is begun any more.

    Raises:
        InputError: the results hold another run and nobody said that it goes on, the place
            cannot be listed or the cluster not be used.
        MissingExtraError: Ray is not installed.
        ModelError: the model file is replaced meanwhile.
    """
    require_ray()
    check_results(results, asked)
    entries = list_objects(place, exclude=asked.exclude)
    first = next(entries, None)
    if first is None:
        raise InputError(f"{place.url}: there is no audio object; check the prefix.")
    work = work_of(tagger, place, results, options=options, asked=asked)
    run = RunningScan(work.run)
    left = left_to_do(_again(first, entries), place, work, asked, run)
    first = next(left, None)
    if first is None:
        yield run
        return
    with connected(asked.cluster):
        chosen = spread(check_nodes(asked.cluster), asked.n_actors)
        run.n_actors = len(chosen)
        todo = islice(_again(first, left), asked.limit)
        cut = batches(todo, part_len=asked.part_len, n_actors=len(chosen))
        model = hold(model_bytes(tagger.path, work.model_sha))
        actors = start_actors(work, model, chosen)
        try:
            with closing(_done(actors, cut, stop)) as run.batches:
                yield run
        finally:
            stop_actors(actors)


def left_to_do(
    entries: Iterator[ObjectEntry],
    place: Place,
    work: Work,
    asked: ObjectScan,
    run: RunningScan,
) -> Iterator[ObjectEntry]:
    """What has no row yet that counts."""
    results = work.results
    order = ListingOrder(
        results.known_order() or (FOLDERS if place.folder else BYTES),
        on_change=results.learn_order,
    )
    what = Pending(
        conditions=work.conditions,
        write=work.writing is not None,
        retry_failed=asked.retry_failed,
        rescan=asked.rescan,
    )

    def passed(status: str) -> None:
        run.passed[status] += 1

    return pending(entries, results.past(order, work.run), order, what, on_done=passed)


def check_results(results: Results, asked: ObjectScan) -> None:
    """Refuse results that hold another run, unless somebody says that it goes on.

    Raises:
        InputError: they do.
    """
    if asked.resume or asked.retry_failed or asked.rescan or results.is_empty():
        return
    raise InputError(
        f"--results {results.shown}: there are results of an earlier run. --resume goes on with"
        " it: what has a row is passed. Or name another place."
    )


def _again(first: ObjectEntry, others: Iterator[ObjectEntry]) -> Iterator[ObjectEntry]:
    yield first
    yield from others


def work_of(
    tagger: "Tagger",
    place: Place,
    results: Results,
    *,
    options: "ScanOptions",
    asked: ObjectScan,
) -> Work:
    """Begin a run in the results, and say what every actor must know."""
    conditions, writing = tagger.conditions(options), None
    how = ObjectWriteOptions(max_len=asked.max_len, unsafe_overwrite=asked.unsafe_overwrite)
    # Asked before a run begins: results without a row would have to be resumed.
    has_multipart = options.write and check_conditional(
        place, unsafe_overwrite=how.unsafe_overwrite
    )
    about = {"source": place.url, "model": tagger.spec.name, "conditions": conditions}
    number = results.begin(about)
    if options.write:
        writing = begin_writing(place, results, number, model=tagger.model_sha, options=how)
        writing = replace(writing, has_multipart=has_multipart)
    return Work(
        source=place.url,
        results=results,
        run=number,
        options=replace(options, write=False),
        settings=tagger.settings,
        conditions=conditions,
        model_name=tagger.path.name,
        model_sha=tagger.model_sha,
        n_decoders=asked.n_decoders,
        max_len=asked.max_len,
        writing=writing,
        rows_asked=asked.rows_asked,
    )


def _done(
    actors: Sequence[Any], cut: Iterator[list[ObjectEntry]], stop: threading.Event
) -> Generator[Done | Lost, None, None]:
    """Hand out batches, one to each actor at a time; Ray repeats what is lost with a node."""
    from ray.util import ActorPool  # noqa: PLC0415

    pool: Any = ActorPool(list(actors))
    handed_out: dict[int, list[ObjectEntry]] = {}
    reasons: list[str] = []

    def hand_out(actor: Any, numbered: tuple[int, list[ObjectEntry]]) -> Any:
        return actor.scan.remote(*numbered)

    def returned() -> Iterator[Done]:
        done = _next(pool, reasons)
        if done is not None:
            del handed_out[done.number]
            yield done

    for number, batch in enumerate(cut):
        while not pool.has_free():
            if not pool.has_next():  # no actor could be started again
                raise StoppedError(
                    f"all actors are lost: {reasons[-1]} What was done until then stays done;"
                    " --resume goes on."
                )
            yield from returned()
        if stop.is_set():
            break
        handed_out[number] = batch
        pool.submit(hand_out, (number, batch))
    while pool.has_next():
        yield from returned()
    for batch in handed_out.values():
        yield Lost(batch, reasons[-1])


def _next(pool: Any, reasons: list[str]) -> Done | None:
    """The next batch that is done; None if one was lost, or for a moment none is done.

    Raises:
        StoppedError: what all batches need cannot be had.
    """
    from ray.exceptions import RayError, RayTaskError  # noqa: PLC0415

    try:
        done: Done = pool.get_next_unordered(timeout=_WAIT_S)
    except TimeoutError:
        return None
    except RayTaskError as error:
        raise StoppedError(f"{cause_of(error)} What was done until then stays done.") from error
    except RayError as error:  # its process died each time, or the cluster gave it up
        reasons.append(cause_of(error))
        return None
    return done
