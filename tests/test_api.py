import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tagger import Observer, ScanOptions, Tagger, read_tags
from tagger.audio import process_client
from tagger.errors import DecodeError, InputError, ModelError, StateError
from tagger.journal.run import WriteRequest
from tagger.reports.report import to_record
from tests.cli.test_cli import tagger as command
from tests.tones import write_chords

SURE = ScanOptions(threshold=0.01, top=1)
"""Every track gets its best label."""


@pytest.fixture
def music(tmp_path):
    """Two tracks in two folders, and a file that is none."""
    write_chords(tmp_path / "music" / "a.flac", 440, seconds=4)
    write_chords(tmp_path / "music" / "deep" / "b.flac", 300, seconds=5)
    (tmp_path / "music" / "bad.mp3").write_bytes(b"no music at all" * 20)
    return tmp_path / "music"


@pytest.fixture
def tagger(tmp_path):
    with Tagger(device="cpu", state=tmp_path / "state.db", settings={}) as opened:
        yield opened


def by_name(results):
    return {one.path.name: one for one in results}


def test_a_scan_says_what_the_command_line_says(music, tagger, tmp_path):
    """The records of `tagger scan --json` are those of `Tagger`, field by field."""
    done = command(
        "scan", music, "--json", "--threshold", "0.01", "--top", "1", "--device", "cpu",
        "--state", tmp_path / "other.db",
    )  # fmt: skip
    printed = sorted(json.loads(line)["path"] for line in done.stdout.splitlines())
    records = [to_record(one) for one in tagger.scan([music], SURE)]
    assert len(records) == 3
    assert printed == sorted(one["path"] for one in records)
    for line in done.stdout.splitlines():
        assert json.loads(line) in json.loads(json.dumps(records))


def test_what_is_written_can_be_undone(music, tagger):
    """A scan that writes is one run; undo gives the files back to the byte, and is a run."""
    before = {path: path.read_bytes() for path in music.rglob("*.flac")}
    options = ScanOptions(write=True, threshold=0.01, top=1)
    written = by_name(tagger.scan([music], options))
    assert (written["a.flac"].status, written["bad.mp3"].status) == ("written", "failed")
    assert read_tags(music / "a.flac").genres == written["a.flac"].genres != ()
    undone = list(tagger.undo())
    assert [one.status for one in undone] == ["written", "written"]
    assert {path: path.read_bytes() for path in before} == before
    assert [one.command for one in tagger.runs()] == ["undo", "scan"]


def test_one_file_is_written_and_undone(music, tagger):
    """Genres of somebody's own, under each policy; what is so already is not written."""
    path = music / "a.flac"
    assert tagger.write(path, ["Dub", "Ska"]).status == "written"
    assert read_tags(path).genres == ("Dub", "Ska")
    assert tagger.write(str(path), ["Dub", "Ska"]).status == "unchanged"
    assert tagger.write(path, ["ska", "Jazz"], policy="append").genres == ("Dub", "Ska", "Jazz")
    assert tagger.write(path, ["Rock"], policy="fill").status == "unchanged"
    assert tagger.write(path, []).status == "written"
    assert read_tags(path).genres == ()
    assert [one.status for one in tagger.undo(paths=[path])] == ["written"]
    assert read_tags(path).genres == ("Dub", "Ska", "Jazz")
    assert tagger.write(music / "bad.mp3", ["Dub"]).status == "skipped"


def test_a_proposal_is_written_as_it_stands(music, tagger):
    """What a scan proposes can be looked at first; a file that changed since is left alone."""
    first = by_name(tagger.scan([music], SURE))
    proposal = first["a.flac"]
    assert tagger.write(proposal).status == "written"
    assert tagger.write(proposal, ["Own"]).genres == ("Own",)
    other = first["b.flac"]
    tagger.write(other.path, ["Meanwhile"])
    assert tagger.write(other).status == "failed"
    assert read_tags(other.path).genres == ("Meanwhile",)


def test_many_are_written_in_one_run(music, tagger):
    """One outcome each, in their order; the reason stands beside the run."""
    paths = [music / "a.flac", music / "deep" / "b.flac", music / "bad.mp3"]
    requests = [WriteRequest(path, ["Dub"]) for path in paths]
    outcomes = list(tagger.write_many(requests, reason="by hand"))
    assert outcomes[:2] == [True, True]
    assert isinstance(outcomes[2], Exception)
    (run,) = tagger.runs()
    assert (run.about, run.n_written) == ("by hand", 2)


def test_predict_scores_one_file_whatever_it_holds(music, tagger):
    """A genre that is there, and what is stored, change nothing; windows are kept if asked."""
    path = music / "a.flac"
    tagger.write(path, ["Dub"])
    one = tagger.predict(path)
    assert (one.path, one.previous, one.timeline) == (path, ("Dub",), None)
    assert one.scores is not None
    assert len(one.scores) == len(tagger.spec.labels_of("genre"))
    assert tagger.predict(path, windows=True).timeline is not None
    assert tagger.predict(music / "bad.mp3").status == "failed"
    assert tagger.predict(music / "missing.mp3").status == "failed"


def test_an_embedding_is_the_mean_over_the_windows(music, tagger):
    """One number a dimension, the same twice; what cannot be decoded is an error."""
    path = music / "a.flac"
    embedding = tagger.embed(path)
    assert embedding.shape == (tagger.spec.embedding,)
    assert np.isfinite(embedding).all()
    np.testing.assert_allclose(tagger.embed(path), embedding, rtol=1e-4, atol=1e-5)
    with pytest.raises(DecodeError):
        tagger.embed(music / "bad.mp3")


def test_an_audit_names_what_disagrees(music, tagger):
    """Each file with a finding, and a look at each as it comes."""
    tagger.write(music / "a.flac", ["(255)"])
    seen = []
    audit = tagger.audit([music], on_track=lambda one: seen.append(one.path.name))
    findings = {one.result.path.name: one.finding for one in audit.files}
    assert findings["bad.mp3"] == "failed"
    assert findings["b.flac"] == "empty"
    assert sorted(seen) == sorted(findings)


def test_a_second_scan_decodes_nothing_again(music, tagger, monkeypatch):
    """The cache is the same as long as the `Tagger` is open, and afterwards."""
    first = by_name(tagger.scan([music], SURE))
    monkeypatch.setattr("tagger.audio.process_client.DecodeProcess.listen", None)
    assert by_name(tagger.scan([music], SURE))["a.flac"] == first["a.flac"]


def test_decoding_processes_stay_between_scans_and_end_with_the_door(music, monkeypatch):
    """A second scan, a prediction and an embedding start nothing, and load nothing."""
    started = []
    start = process_client._start

    def counting(*given):
        started.append(start(*given))
        return started[-1]

    monkeypatch.setattr(process_client, "_start", counting)
    with Tagger(device="cpu", state=False, n_decoders=2) as tagger:
        list(tagger.scan([music], SURE))
        n_started = len(started)
        assert 1 <= n_started <= 2
        list(tagger.scan([music], SURE))
        tagger.predict(music / "a.flac")
        tagger.embed(music / "a.flac")
        assert len(started) == n_started
        assert [one.poll() for one in started] == [None] * n_started
    assert None not in [one.wait(60) for one in started]


def test_a_decoding_process_that_died_meanwhile_costs_no_file(music):
    """Another one takes its place before anything is asked of it."""
    with Tagger(device="cpu", state=False, n_decoders=1) as tagger:
        first = by_name(tagger.scan([music], SURE))
        for process in tagger._pool._idle:
            process._process.kill()
            process._process.wait()
        assert by_name(tagger.scan([music], SURE))["a.flac"] == first["a.flac"]


def test_scans_from_two_threads_run_one_after_another(music, tagger):
    """Each gets its results, and predictions get theirs meanwhile."""
    found = {}

    def scan(name):
        found[name] = by_name(tagger.scan([music], SURE))

    threads = [threading.Thread(target=scan, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    assert tagger.predict(music / "a.flac").scores is not None
    for thread in threads:
        thread.join(60)
    assert found["a"].keys() == found["b"].keys() == {"a.flac", "b.flac", "bad.mp3"}
    assert found["a"]["a.flac"] == found["b"]["a.flac"]


def test_a_scan_that_is_closed_lets_the_next_one_begin(music, tagger):
    """A generator that is left is no lock that stays."""
    results = tagger.scan([music], SURE)
    next(results)
    results.close()
    assert len(list(tagger.scan([music], SURE))) == 3


def test_without_a_state_nothing_is_written(music, own_state):
    """It scans and predicts, and refuses what could not be undone."""
    with Tagger(device="cpu", state=False) as tagger:
        assert len(list(tagger.scan([music], SURE))) == 3
        assert tagger.runs() == []
        with pytest.raises(InputError, match="undone"):
            tagger.scan([music], ScanOptions(write=True))
        with pytest.raises(InputError, match="undone"):
            tagger.write(music / "a.flac", ["Dub"])
    assert not own_state.exists()


def test_an_observer_is_told_of_the_state_and_of_the_model(music, tmp_path, monkeypatch):
    """One record takes all callbacks; the loading of the model may have one of its own."""
    monkeypatch.setattr("tagger.model.nvidia_driver.is_gpu_there", lambda: True)
    with Tagger(device="cpu", state=tmp_path / "state.db", settings={}) as tagger:
        list(tagger.scan([music], SURE))
    (tmp_path / "state.db").write_bytes(b"no database" * 1000)
    notices, loading = [], []
    observer = Observer(on_notice=notices.append, on_loading=loading.append)
    for given in (observer, Observer(on_notice=notices.append), None):
        with Tagger(state=tmp_path / "state.db", settings={}, observer=given) as tagger:
            assert list(tagger.scan([music], SURE))
            tagger.predict(music / "a.flac")
    assert "state.db" in notices[0]
    assert [one for one in loading if "Running on the CPU" in one]
    assert [one for one in notices if "Running on the CPU" in one] == loading


def test_a_state_may_be_named_as_text(music, tmp_path):
    """As files and folders may."""
    with Tagger(device="cpu", state=str(tmp_path / "here.db"), settings={}) as tagger:
        tagger.write(music / "a.flac", ["Dub"])
    assert (tmp_path / "here.db").exists()


def test_a_state_is_held_by_one_and_let_go(music, tmp_path):
    """Who comes second is told; runs may be read; closing lets go."""
    state = tmp_path / "state.db"
    with (
        Tagger(device="cpu", state=state) as first,
        Tagger(device="cpu", state=state) as second,
    ):
        first.write(music / "a.flac", ["Dub"])
        with pytest.raises(StateError, match="another tagger"):
            second.scan([music])
        assert [one.command for one in second.runs()] == ["write"]
        first.close()
        assert len(list(second.scan([music], SURE))) == 3


def test_settings_are_the_owners_or_lie_over_them(music, tmp_path, monkeypatch):
    """A program's values count more than those of config.toml."""
    config = tmp_path / "config.toml"
    config.write_text('field = "grouping"\nexclude = ["deep"]\n')
    monkeypatch.setenv("TAGGER_CONFIG", str(config))
    with Tagger(device="cpu", state=False, settings={"field": "mood"}) as tagger:
        assert tagger.settings.field == "mood"
        assert [path.name for path in tagger.tracks([music])] == ["a.flac", "bad.mp3"]
    with pytest.raises(InputError, match="no key"):
        Tagger(settings={"fields": "mood"})


def test_what_is_wrong_is_told_at_once(tmp_path, tagger):
    """A model, a device, a folder or a pattern that is none is no surprise later."""
    with pytest.raises(ModelError, match=r"no\.onnx"):
        Tagger(tmp_path / "no.onnx")
    with pytest.raises(InputError, match="choose one of"):
        Tagger(device="gpu")
    with pytest.raises(InputError, match="no such file"):
        tagger.scan([tmp_path / "nowhere"])


def test_a_scan_stops_when_it_is_told_to(music, tagger):
    """No further result comes."""
    stop = threading.Event()
    stop.set()
    assert list(tagger.scan([music], SURE, stop=stop)) == []


def test_importing_the_package_loads_nothing():
    """The names of the public face are there when they are asked for."""
    code = (
        "import sys, tagger; assert 'tagger.api' not in sys.modules;"
        " assert 'numpy' not in sys.modules;"
        " print(all(hasattr(tagger, name) for name in tagger.__all__));"
        " assert not {'onnxruntime', 'numpy', 'av'} & sys.modules.keys()"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "True"
