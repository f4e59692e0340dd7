"""A worker: takes jobs, one after another, until it is told to stop."""

import contextlib
import logging
import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from obstore.exceptions import BaseError as ObjectStoreError

from tagger import Observer, Tagger
from tagger.errors import InputError, StateError, TaggerError
from tagger.service.db.engine import AWAY, Database, open_database
from tagger.service.db.models import Job
from tagger.service.jobs.context import Context, GivenUpError
from tagger.service.jobs.learn import learn_job
from tagger.service.jobs.look import look_job
from tagger.service.jobs.scan import scan_job
from tagger.service.jobs.sweep import sweep
from tagger.service.jobs.undo import undo_job
from tagger.service.jobs.write import write_job
from tagger.service.objects import open_objects
from tagger.service.options import ServeOptions
from tagger.service.queries.jobs import Able, fail_job, finish_if_done, take_job, tell_waiting
from tagger.service.queries.runs import end_run_of
from tagger.service.queries.workers import beat, give_back, leave, take_from_dead
from tagger.service.spool import clean_spool, passing
from tagger.service.used_model import ModelFile, model_file, used_model

log = logging.getLogger(__name__)

_JOBS = {
    "look": look_job,
    "scan": scan_job,
    "write": write_job,
    "undo": undo_job,
    "learn": learn_job,
}
_NO_JOURNAL = (
    "It waits: another process holds the journal (`tagger runs` on the server says more)."
)
_IDLE_S = 0.3
_SWEEP_EVERY_S = 60.0
_JOURNAL_AGAIN_S = 30.0
"""A state that another process holds is asked for again after so long."""


def work(options: ServeOptions, stop: threading.Event, *, slot: int = 0) -> None:
    """Do jobs until `stop` is set.

    Args:
        options: of the service.
        stop: ends it after the track in hand.
        slot: which of the service's workers it is; only the first one holds the journal.
    """
    database, objects = open_database(options.database), open_objects(options.objects)
    worker = uuid.uuid4().hex
    with (
        contextlib.closing(database),
        _folder(options) as folder,
        _heart(database, worker, options, stop),
    ):
        model = model_file(options.model)
        while not stop.is_set():
            with _tagger(options, model, slot=slot) as (tagger, has_journal):
                context = Context(
                    worker, options, database, objects, tagger, model, stop, folder, has_journal
                )
                lacks_journal = slot == 0 and not has_journal
                again_s = time.monotonic() + _JOURNAL_AGAIN_S if lacks_journal else float("inf")
                model = _do_jobs(context, until_s=again_s, lacks_journal=lacks_journal)


@contextlib.contextmanager
def _folder(options: ServeOptions) -> Iterator[Path]:
    """A folder for copies of uploads, gone with the worker."""
    options.spool.mkdir(parents=True, exist_ok=True)
    folder = passing(options.spool, "work")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _heart(
    database: Database, worker: str, options: ServeOptions, stop: threading.Event
) -> Iterator[None]:
    """Say every few seconds that the worker lives; at the end, that it goes."""
    about, ended = f"{socket.gethostname()}:{os.getpid()}", threading.Event()

    def beats() -> None:
        while not ended.is_set():
            try:
                with database.writing() as session:
                    beat(session, worker, about=about)
            except AWAY as error:
                log.warning("%s: the worker cannot say that it lives", type(error).__name__)
            ended.wait(options.lease_s / 5)

    thread = threading.Thread(target=beats, name="heart", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        stop.set()
        with contextlib.suppress(*AWAY), database.writing() as session:
            leave(session, worker)


@contextlib.contextmanager
def _tagger(
    options: ServeOptions, model: ModelFile, *, slot: int
) -> Iterator[tuple[Tagger, bool]]:
    """The tagger of a worker, and whether it holds the journal."""

    def opened(state: Path | Literal[False] | None) -> Tagger:
        observer = Observer(on_notice=log.info)
        return Tagger(model.name, device=options.device, state=state, observer=observer)

    with contextlib.ExitStack() as stack:
        if slot == 0:
            tagger = stack.enter_context(opened(options.state))
            if _holds_state(tagger):
                yield tagger, True
                return
        yield stack.enter_context(opened(False)), False


def _holds_state(tagger: Tagger) -> bool:
    """Open the state that the journal is in; False if another process has it."""
    try:
        tagger.run_to_undo()
    except StateError as error:
        log.warning("no file of the library can be written for now: %s", error)
        return False
    except InputError:
        return True  # there is nothing to undo, in a state that is open
    return True


def _do_jobs(context: Context, *, until_s: float, lacks_journal: bool) -> ModelFile:
    """Do what there is to do, until the worker is to stop, or until a time.

    Returns:
        The model to go on with: another one than this worker's if a job needs it.
    """
    able = Able(library=context.options.folder is not None, journal=context.has_journal)
    swept_s = 0.0
    while not context.stop.is_set() and time.monotonic() < until_s:
        try:
            job = context.patiently(lambda: _next(context, able, lacks_journal=lacks_journal))
            if job is not None:
                if (model := _model_for(context, job)) != context.model:
                    return model  # the job is taken again with it
                _do(context, job)
                continue
            if time.monotonic() - swept_s > _SWEEP_EVERY_S:
                swept_s = time.monotonic()
                clean_spool(context.options.spool)
                sweep(context.database, context.objects, older_than_s=context.options.sweep_s)
        except GivenUpError:
            _let_go(context)
            continue
        except (*AWAY, ObjectStoreError) as error:
            log.warning("%s; trying again", type(error).__name__)
            _let_go(context)
        context.stop.wait(_IDLE_S)
    return context.model


def _model_for(context: Context, job: Job) -> ModelFile:
    """The model that a job needs: a scan the one that is used, learning the usual one."""
    if job.kind == "learn":
        return model_file(context.options.model)
    if job.kind != "scan":
        return context.model

    def used() -> ModelFile:
        with context.database.reading() as session:
            return used_model(session, context.options)

    return context.patiently(used)


def _let_go(context: Context) -> None:
    """Give back what is in hand: of a job that was cancelled, or could not go on."""
    context.drop_copies()
    with contextlib.suppress(*AWAY, GivenUpError):
        context.patiently(lambda: _give_back(context))


def _give_back(context: Context) -> None:
    with context.database.writing() as session:
        give_back(session, context.id)


def _next(context: Context, able: Able, *, lacks_journal: bool) -> Job | None:
    with context.database.writing() as session:
        take_from_dead(session, lease_s=context.options.lease_s)
        if lacks_journal:
            tell_waiting(session, _NO_JOURNAL)
        return take_job(session, context.id, able)


def _do(context: Context, job: Job) -> None:
    """Do one job; what cannot be done fails it, with the reason, and the worker lives on."""
    log.info("job %d (%s) begins or goes on", job.id, job.kind)
    try:
        _JOBS[job.kind](context, job)
    except GivenUpError:
        raise
    except (*AWAY, ObjectStoreError):
        raise  # what is in hand is given back, and done by whoever comes next
    except Exception as error:
        is_told = isinstance(error, TaggerError | OSError)
        log.warning("job %d failed: %s", job.id, error, exc_info=None if is_told else error)
        reason = str(error) if is_told else f"{type(error).__name__}: see the service's log."
        context.patiently(lambda: _fail(context, job.id, reason))
        return
    context.patiently(lambda: _finish(context, job.id))


def _fail(context: Context, job_id: int, reason: str) -> None:
    with context.database.writing() as session:
        fail_job(session, job_id, reason)
        end_run_of(session, job_id)


def _finish(context: Context, job_id: int) -> None:
    with context.database.writing() as session:
        if finish_if_done(session, job_id):
            end_run_of(session, job_id)
