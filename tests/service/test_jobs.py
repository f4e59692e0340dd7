"""Jobs: each track once, whoever works, and whoever dies."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from tagger.service.db.models import Change, Job, JobItem, Run, StoredObject, Track, Worker
from tagger.service.jobs.sweep import announce, sweep
from tagger.service.objects import key_of, open_objects
from tagger.service.queries.jobs import (
    MOST_ATTEMPTS,
    Able,
    NewWork,
    add_job,
    cancel_job,
    finish_if_done,
    retry_job,
    scan_upload,
    settle,
    take_items,
    take_job,
)
from tagger.service.queries.workers import beat, leave, take_from_dead
from tagger.system.digest import file_sha256


def add_tracks(database, n_tracks, **changes):
    """Rows of tracks without files."""
    with database.writing() as session:
        for index in range(n_tracks):
            name = f"{index:04d}.flac"
            fields = {
                "source": "upload", "object_key": f"audio/{name}", "folder": "", "name": name,
                "name_key": name, "title_key": name, "artist_key": "", "album_key": "",
                "search": name, "added_at": 0.0, "content": f"{index}", **changes,
            }  # fmt: skip
            session.add(Track(**fields))


def scan_all(database):
    """A job over all tracks."""
    with database.writing() as session:
        return add_job(session, NewWork(kind="scan", options={}), Track.id > 0).id


def live(database, *workers):
    """Workers whose hearts beat."""
    with database.writing() as session:
        for one in workers:
            beat(session, one, about="a test")


def test_workers_that_take_at_once_take_each_track_once(database):
    """Four threads share a job; no track is taken twice, none is left."""
    add_tracks(database, 200)
    job = scan_all(database)
    taken, lock = [], threading.Lock()

    def work(name):
        while True:
            with database.writing() as session:
                if take_job(session, name, Able()) is None:
                    return
                mine = take_items(session, job, name, at_most=7)
            if not mine:
                return
            with lock:
                taken.extend(mine)
            with database.writing() as session:
                settle(session, job, name, [(one, one % 10 != 0) for one in mine])
                finish_if_done(session, job)

    live(database, *"abcd")
    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == 200
    with database.reading() as session:
        row = session.get(Job, job)
        assert (row.state, row.n_done, row.n_failed) == ("done", 180, 20)


def test_what_a_dead_worker_had_goes_to_another_and_its_late_results_count_for_nothing(
    database,
):
    """A worker that was only slow cannot record what another has taken over."""
    add_tracks(database, 5)
    job = scan_all(database)
    live(database, "slow", "fresh")
    with database.writing() as session:
        take_job(session, "slow", Able())
        assert len(take_items(session, job, "slow", at_most=3)) == 3
        session.execute(update(Worker).where(Worker.id == "slow").values(heartbeat_at=1.0))
    with database.writing() as session:
        assert take_from_dead(session, lease_s=20) == 1
        assert session.get(Job, job).attempts == 1
        assert len(take_items(session, job, "fresh", at_most=10)) == 5
    with database.writing() as session:
        assert settle(session, job, "slow", [(1, True), (2, True)]) == set()
        assert settle(session, job, "fresh", [(1, True), (2, False)]) == {1, 2}
        assert not finish_if_done(session, job)
        row = session.get(Job, job)
        session.refresh(row)
        assert (row.n_done, row.n_failed) == (1, 1)


def end_workers_of(database, job):
    """As many workers as a job may end take it, and are never heard of again."""
    for _ in range(MOST_ATTEMPTS):
        with database.writing() as session:
            take_job(session, "gone", Able())
            take_items(session, job, "gone", at_most=1)
        with database.writing() as session:
            take_from_dead(session, lease_s=20)


def test_a_job_that_ends_its_workers_is_given_up_with_a_reason(database):
    """It does not take down one worker after another for ever."""
    add_tracks(database, 1)
    job = scan_all(database)
    end_workers_of(database, job)
    with database.reading() as session:
        row = session.get(Job, job)
        assert row.state == "failed"
        assert "retry" in row.error


def test_a_job_can_be_cancelled_and_tried_again(database):
    """What was done stays done; what failed or was left is done again."""
    add_tracks(database, 4)
    job = scan_all(database)
    live(database, "a")
    with database.writing() as session:
        take_job(session, "a", Able())
        one, other, _ = take_items(session, job, "a", at_most=3)
        settle(session, job, "a", [(one, True), (other, False)])
        cancel_job(session.get(Job, job))
    with database.writing() as session:
        assert take_job(session, "a", Able()) is None
        assert take_items(session, job, "a", at_most=3) == []
        retry_job(session, session.get(Job, job))
    with database.writing() as session:
        assert take_job(session, "a", Able()).id == job
        assert len(take_items(session, job, "a", at_most=10)) == 3


@pytest.mark.parametrize(
    ("needs", "able", "is_taken"),
    [
        ({}, Able(library=False, journal=False), True),
        ({"needs_library": True}, Able(library=False, journal=False), False),
        ({"needs_library": True}, Able(journal=False), True),
        ({"needs_library": True, "needs_journal": True}, Able(journal=False), False),
        ({"needs_library": True, "needs_journal": True}, Able(), True),
    ],
)
def test_a_worker_takes_only_what_it_can_do(database, needs, able, is_taken):
    """Files of the library are written by the worker that holds the journal."""
    add_tracks(database, 1)
    with database.writing() as session:
        add_job(session, NewWork(kind="write", options={}, **needs), Track.id > 0)
    with database.writing() as session:
        assert (take_job(session, "a", able) is not None) is is_taken


def test_a_worker_that_leaves_gives_back_what_it_had(database):
    """The next one goes on at once, without waiting for a lease."""
    add_tracks(database, 3)
    job = scan_all(database)
    live(database, "a", "b")
    with database.writing() as session:
        take_job(session, "a", Able())
        take_items(session, job, "a", at_most=3)
        leave(session, "a")
    with database.writing() as session:
        assert len(take_items(session, job, "b", at_most=3)) == 3
        assert session.scalar(select(func.count()).select_from(Worker)) == 1


def stored(database, objects, folder: Path, text: str, *, age_s: float = 0.0) -> str:
    """An object with its row, announced some time ago."""
    path = folder / "object"
    path.write_text(text)
    key = key_of(file_sha256(path), ".flac")
    announce(database, key, len(text))
    objects.put(key, path)
    with database.writing() as session:
        session.get(StoredObject, key).touched_at = time.time() - age_s
    return key


def test_the_sweep_deletes_what_no_track_has_and_nothing_else(database, tmp_path):
    """A crash between object and row leaves neither an orphan for ever nor a lone row."""
    objects = open_objects(str(tmp_path / "objects"))
    used = stored(database, objects, tmp_path, "used", age_s=100)
    original = stored(database, objects, tmp_path, "original", age_s=100)
    before = stored(database, objects, tmp_path, "before", age_s=100)
    orphan = stored(database, objects, tmp_path, "orphan", age_s=100)
    fresh = stored(database, objects, tmp_path, "fresh")
    announced_only = key_of("0" * 64, ".flac")
    announce(database, announced_only, 1)
    add_tracks(database, 1, object_key=used, original_key=original)
    with database.writing() as session:
        session.get(StoredObject, announced_only).touched_at = 0.0
        session.add(Run(id=1, kind="write", began_at=0.0))
        session.flush()
        session.add(
            Change(run_id=1, track_id=1, before=[], after=[], before_key=before, after_key=used)
        )
    assert sweep(database, objects, older_than_s=50) == 2
    there = {key for key in (used, original, before, orphan, fresh) if _is_there(objects, key)}
    assert there == {used, original, before, fresh}
    with database.reading() as session:
        rows = set(session.scalars(select(StoredObject.key)))
    assert rows == {used, original, before, fresh}


def test_uploads_that_come_together_are_one_job_and_none_is_forgotten(database):
    """Whether it waits, runs, or has just ended when the next one comes."""
    add_tracks(database, 40)
    live(database, "a")
    done, all_in = [], threading.Event()

    def work():
        while not (all_in.is_set() and len(done) == 40):
            with database.writing() as session:
                job = take_job(session, "a", Able())
                mine = take_items(session, job.id, "a", at_most=3) if job is not None else []
                number = job.id if job is not None else 0
            with database.writing() as session:
                done.extend(settle(session, number, "a", [(one, True) for one in mine]))
                if number:
                    finish_if_done(session, number)

    worker = threading.Thread(target=work)
    worker.start()
    for track in range(1, 41):
        with database.writing() as session:
            scan_upload(session, track, asked_by="me")
    all_in.set()
    worker.join(60)
    assert sorted(done) == list(range(1, 41))
    with database.reading() as session:
        jobs = session.scalars(select(Job)).all()
        assert {one.state for one in jobs} == {"done"}
        assert sum(one.n_done for one in jobs) == sum(one.n_total for one in jobs) == 40


def _is_there(objects, key):
    try:
        return objects.size(key) > 0
    except FileNotFoundError:
        return False


def test_items_of_a_deleted_track_go_with_it(database):
    """A job does not wait for a track that is not there any more."""
    add_tracks(database, 2)
    job = scan_all(database)
    live(database, "a")
    with database.writing() as session:
        session.delete(session.get(Track, 1))
    with database.writing() as session:
        take_job(session, "a", Able())
        (one,) = take_items(session, job, "a", at_most=10)
        settle(session, job, "a", [(one, True)])
        assert finish_if_done(session, job)
        assert session.scalar(select(func.count()).select_from(JobItem)) == 1


def test_a_job_whose_tracks_are_all_deleted_ends(database):
    """It would wait for ever, and be shown as waiting."""
    add_tracks(database, 2)
    job = scan_all(database)
    live(database, "a")
    with database.writing() as session:
        for track in session.scalars(select(Track)):
            session.delete(track)
    with database.writing() as session:
        assert take_job(session, "a", Able()).id == job
        assert take_items(session, job, "a", at_most=10) == []
        assert finish_if_done(session, job)


@pytest.mark.service
@pytest.mark.parametrize("off_s", [-5000.0, 5000.0])
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)  # a file has one machine
def test_workers_are_dead_by_one_clock_however_those_of_machines_differ(
    database, monkeypatch, off_s
):
    """A machine whose clock is behind loses no job, and sweeps nothing that was just stored."""
    add_tracks(database, 1)
    job = scan_all(database)
    live(database, "a")
    announce(database, "audio/00/fresh.flac", 1)
    with database.writing() as session:
        take_job(session, "a", Able())
        take_items(session, job, "a", at_most=1)
    here = time.time
    monkeypatch.setattr("time.time", lambda: here() + off_s)
    with database.writing() as session:
        assert take_from_dead(session, lease_s=20) == 0
        beat(session, "b", about="of the other machine")
    announce(database, "audio/01/fresh.flac", 1)
    monkeypatch.setattr("time.time", here)
    with database.writing() as session:
        assert take_from_dead(session, lease_s=20) == 0
        assert session.scalar(select(func.count()).select_from(Worker)) == 2
        touched = session.scalars(select(StoredObject.touched_at)).all()
    assert max(touched) - min(touched) < 1000


def test_an_object_that_two_announce_at_once_is_announced(database):
    """The same file, uploaded twice at the same moment; its row says when it came last."""
    begun = threading.Event()

    def announces():
        begun.set()
        announce(database, "audio/00/same.flac", 1)

    other = threading.Thread(target=announces)
    with database.writing() as session:
        session.add(StoredObject(key="audio/00/same.flac", size=1, touched_at=0.0))
        session.flush()
        other.start()
        begun.wait()
        time.sleep(0.3)  # it waits for this transaction by now
    other.join()
    with database.reading() as session:
        (row,) = session.scalars(select(StoredObject)).all()
        assert row.touched_at > 0
