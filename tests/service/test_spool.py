"""Files on their way in or out: what nobody needs any more goes, and nothing else."""

import os
import subprocess
import sys
import time
import uuid

import pytest

from tagger.service.spool import clean_spool, passing
from tests.service.conftest import chords, make_options, running, wait_for, working
from tests.service.sure_model import save_sure_model

DAY_S = 86_400


def aged(path, days, *, is_folder=False):
    """A file, or a folder, of some days ago."""
    path.mkdir(parents=True) if is_folder else path.touch()
    os.utime(path, (time.time() - days * DAY_S,) * 2)
    return path


def test_what_dead_processes_left_goes_and_what_the_living_have_stays(tmp_path):
    """A worker has its folder for as long as it lives, however long that is."""
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    named = uuid.uuid4().hex
    kept = {
        aged(passing(tmp_path, "work"), 30, is_folder=True),
        aged(passing(tmp_path, "upload"), 0),
        aged(tmp_path / f"part-{named}", 6),
        aged(tmp_path / "of somebody else", 30),
    }
    aged(passing(tmp_path, "upload", suffix=".flac"), 2)
    aged(tmp_path / f"work-{dead.pid}-{named}", 0, is_folder=True)
    aged(tmp_path / f"read-{dead.pid}-{named}-x1_y2", 0, is_folder=True)
    aged(tmp_path / f"form-{dead.pid}-{named}", 0)
    aged(tmp_path / f"part-{uuid.uuid4().hex}", 8)
    clean_spool(tmp_path)
    assert set(tmp_path.iterdir()) == kept


def test_a_file_that_its_process_deletes_meanwhile_stops_nothing(tmp_path, monkeypatch):
    """Another service on the same folder, which takes uploads while this one starts."""
    paths = [aged(tmp_path / f"upload-{pid}-{uuid.uuid4().hex}", 0) for pid in (1, 2, 3)]

    def is_alive(_pid):
        for path in paths:
            path.unlink(missing_ok=True)
        return False

    monkeypatch.setattr("tagger.service.spool.is_alive", is_alive)
    clean_spool(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_deletes_uploads_that_were_given_up(tmp_path):
    """A service that runs for months would else keep each until it is started again."""
    options = make_options(tmp_path)
    with running(options):
        part = aged(options.spool / f"part-{uuid.uuid4().hex}", 8)
        with working(options):
            wait_for(lambda: not part.exists())


def test_a_picture_is_of_its_model_and_leaves_nothing_that_nobody_cleans(tmp_path, monkeypatch):
    """Killed while it is drawn, its folder is known as that of a process that is gone."""
    pytest.importorskip("matplotlib")
    drawn = []

    def draws(_track, _timeline, _spec, out, **_):
        drawn.append(out.parent.name)
        out.write_bytes(b"picture")

    monkeypatch.setattr("tagger.reports.taggram.save_taggram", draws)
    song = chords(tmp_path / "song.flac").read_bytes()
    etags = set()
    for model in ("default", str(save_sure_model(tmp_path / "sure.onnx"))):
        with running(make_options(tmp_path, model=model)) as client:
            kept = client.post("/api/v1/uploads", params={"name": "s.flac"}, content=song)
            place = f"/api/v1/tracks/{kept.json()['track']['id']}/taggram.png"
            answer = client.get(place, headers={"If-None-Match": ", ".join(etags)})
            assert answer.status_code == 200
            etags.add(answer.headers["ETag"])
    assert len(etags) == len(drawn) == 2
    assert all(name.startswith(f"read-{os.getpid()}-") for name in drawn)
