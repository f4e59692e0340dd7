"""Two runs that want the same recordings decoded, or heard by teachers, take turns."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tagger.errors import InputError
from tests.train import trees
from tests.train.school import THREE, loaded, tree, write_data
from train.config.config import from_tree
from train.data.decode import decode_clip
from train.data.load_clips import find_recordings, load_clips, recipe_for
from train.data.prepare import waveform_of
from train.data.turns import LOCK, turn
from train.experiments import sweep as sweep_module
from train.experiments.__main__ import main
from train.experiments.sweep import Sweep, run_one
from train.fit.initial_weights import Places
from train.fit.run import alone_in, run_training

PATIENCE_S = 30


class Meeting:
    """The first run stops at what it says first of its work until the second one waits."""

    def __init__(self, work):
        self.work, self.begun, self.waiting = work, threading.Event(), threading.Event()

    def first(self, line):
        if line.startswith(self.work):
            self.begun.set()
            assert self.waiting.wait(PATIENCE_S), "nobody waited"

    def second(self, line):
        if "waiting" in line:
            self.waiting.set()

    def of(self, run):
        """What both runs return."""
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(run, self.first)
            assert self.begun.wait(PATIENCE_S)
            second = run(self.second)
            return first.result(), second


def test_two_runs_prepare_one_after_the_other(tmp_path):
    """Each finds the recordings as they are, not what the other wrote in their place."""
    root = trees.genres(tmp_path / "music", seconds=0.5)
    config = from_tree({"datasets": ["folder"], "features_options": {"sample_rate": 8000}})

    def run(say):
        return load_clips(config, root, prepared=tmp_path / "prepared", say=say)

    expected = find_recordings("folder", config, root)
    for clips in Meeting("preparing").of(run):
        assert len(clips) == len(expected.paths)
        for i in range(len(clips)):
            waveform, _ = decode_clip(expected.paths[i], recipe_for(config))
            np.testing.assert_allclose(waveform_of(clips, i), waveform, atol=1e-4)


def test_two_runs_ask_the_teachers_one_after_the_other(tmp_path):
    """The second has the answers of the first, and nothing is asked twice."""
    data = write_data(tmp_path / "data")
    loaded(data, tree())  # prepared, but nobody was asked
    first, second = Meeting("asking teachers").of(
        lambda say: loaded(data, tree(*THREE), say=say)
    )
    rows = zip(first.lessons.of_clip, second.lessons.of_clip, strict=True)
    assert all(np.array_equal(one, other, equal_nan=True) for one, other in rows)
    stores = sorted((data / "prepared" / "teachers").glob("*/answers.jsonl"))
    assert len(stores) == len(THREE)
    for store in stores:
        assert len(store.read_text().splitlines()) == len(first)


def test_two_studies_fit_a_run_once(tmp_path, monkeypatch):
    """The second waits, and reads what the first has found."""
    fits = []

    def fit(_config, _overrides, where, *, say, **_):
        say("fitting")
        fits.append(where.out)

    monkeypatch.setattr(sweep_module, "run_training", fit)
    monkeypatch.setattr(sweep_module, "_measured", lambda *_: {"accuracy": 0.5})

    def run(say):
        sweep = Sweep(
            config_path=None, overrides={"datasets": ["folder"]}, data=tmp_path,
            prepared=tmp_path / "p", out=tmp_path / "out", say=say,
        )  # fmt: skip
        return run_one(sweep, "cnn-1", {"body": "cnn"})

    first, second = Meeting("cnn-1: fitting").of(run)
    assert first == second
    assert fits == [tmp_path / "out" / "cnn-1"]


def test_a_second_run_in_a_folder_is_refused(tmp_path):
    """At once, before anything of the first is touched; further processes of it come in."""
    out = tmp_path / "run"
    where = Places(data=tmp_path, out=out, prepared=tmp_path / "p")
    words = r"run: another run is fitting there; .* --out"
    with alone_in(out):
        kept = sorted(out.iterdir())
        with pytest.raises(InputError, match=words):
            run_training(None, {"datasets": ["folder"]}, where, say=pytest.fail)
        assert sorted(out.iterdir()) == kept
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("LOCAL_RANK", "1")
            with alone_in(out):
                pass
    with alone_in(out):
        pass


def test_a_run_that_puts_nothing_into_its_folder_leaves_none(tmp_path):
    """As one that is refused for its configuration; a folder that was there stays."""
    with pytest.raises(RuntimeError, match="refused"), alone_in(tmp_path / "new"):
        raise RuntimeError("refused")
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    for name in ("old", "used"):
        with alone_in(tmp_path / name):
            if name == "used":
                (tmp_path / name / "config.yaml").touch()
    assert (tmp_path / "old").is_dir()
    assert (tmp_path / "used" / "config.yaml").is_file()


def test_an_experiment_has_its_folder_alone(tmp_path, capsys):
    """As a run has."""
    words = ["soup", "--dataset", "folder", "--out", str(tmp_path / "run")]
    with alone_in(tmp_path / "run"):
        assert main(words) == 2
    assert "another run is fitting there" in capsys.readouterr().err


def test_a_turn_ends_with_its_run(tmp_path):
    """Whoever comes after an error waits for nobody."""
    with pytest.raises(RuntimeError, match="ended"), turn([tmp_path / "s"], say=pytest.fail):
        raise RuntimeError("ended")
    with turn([tmp_path / "s"], say=pytest.fail):
        assert (tmp_path / "s" / LOCK).is_file()


def test_a_store_that_cannot_be_written_names_the_remedy(tmp_path):
    """The folder and the option are named."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"file.*cannot be written .*--prepared"),
        turn([tmp_path / "file"], say=pytest.fail),
    ):
        pass
