"""A model is loaded for the first file to be decoded; what is wrong with it is told before."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from tagger.api import Tagger
from tagger.errors import ModelError
from tagger.model.catalogue import DEFAULT, find_model, find_variant
from tagger.model.lazy import DeferredEngine
from tagger.model.load import read_spec
from tagger.model.spec_file import spec_in
from tagger.scan.options import ScanOptions
from tagger.scan.pipeline import ListenOptions, analyse
from tagger.scan.records import Inspected
from tagger.settings import open_model as opening
from tagger.system.digest import file_sha256
from tagger.writing.safe_write import write_genres
from tests.engines import make_spec, tone_engine
from tests.tones import write_tone

ROOT = Path(__file__).parents[2]
MODEL = find_model(DEFAULT)
HEAVY = ("onnxruntime", "onnx", "numpy", "soundfile", "soxr", "av")


def command(*words):
    """Exit code of a command, what it said on stderr, and which heavy modules it loaded."""
    code = (
        "import sys\n"
        "from tagger.cli.app import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    code = end.code\n"
        f"print('\\n', [code, *(one for one in {HEAVY!r} if one in sys.modules)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
    )
    code, *loaded = json.loads(done.stdout.splitlines()[-1].replace("'", '"'))
    return code, done.stderr, loaded


@pytest.fixture
def music(tmp_path):
    """Three tones, of which two have a genre."""
    for i in range(3):
        path = write_tone(tmp_path / "music" / f"{i}.flac", 440, seconds=2)
        if i:
            write_genres(path, ["Jazz"])
    return tmp_path / "music"


def test_files_that_have_a_genre_load_no_runtime(music):
    """What is not decoded needs no model: neither ONNX Runtime nor onnx is imported."""
    (music / "0.flac").unlink()
    code, said, loaded = command("scan", music)
    assert (code, "kept" in said) == (0, True)
    assert not {"onnxruntime", "onnx"} & set(loaded)


def test_an_unchanged_library_loads_nothing_heavy(music):
    """No array library and no decoder either: the pass takes as long as a listing."""
    options = ("scan", music, "--device", "cpu", "--threshold", "1")
    assert "onnxruntime" in command(*options)[2]
    code, said, loaded = command(*options)
    assert (code, loaded) == (0, [])
    assert "abstained" in said


def test_what_a_model_says_of_itself_is_read_without_a_runtime():
    """The same spec as ONNX Runtime reads from the file."""
    assert spec_in(MODEL) == read_spec(MODEL)


def broken_models(folder):
    """Files that are no models of ours, and a part of what is said of each."""
    whole = MODEL.read_bytes()
    without = onnx.load(MODEL)
    del without.metadata_props[:]
    for name, data, reason in (
        ("empty", b"", "has no graph"),
        ("text", b"this is no model\n" * 99, "not an ONNX file"),
        ("half", whole[: len(whole) // 2], "cut off"),
        ("without", without.SerializeToString(), "tagger.spec"),
        ("entries", whole[:-40], "cut off"),
    ):
        path = folder / f"{name}.onnx"
        path.write_bytes(data)
        yield path, reason


def test_a_file_that_is_no_model_is_told_with_its_reason(tmp_path):
    """Whatever is in it: one of our errors, which names the file."""
    for path, reason in broken_models(tmp_path):
        with pytest.raises(ModelError, match=reason) as told:
            spec_in(path)
        assert str(path) in str(told.value)
    with pytest.raises(ModelError, match="no such model file"):
        spec_in(tmp_path / "none.onnx")


@pytest.mark.parametrize("name", ["none", "half"])
def test_a_bad_model_is_told_even_where_nothing_is_decoded(music, tmp_path, name):
    """The command does not start, although no file would have needed the model."""
    list(broken_models(tmp_path))
    (music / "0.flac").unlink()
    code, said, _ = command("scan", music, "--model", tmp_path / f"{name}.onnx")
    assert code == 2
    assert f"{name}.onnx" in said


def test_a_gpu_that_is_asked_for_is_asked_at_the_start(music):
    """`--device cuda` is refused where there is none, although nothing is decoded."""
    (music / "0.flac").unlink()
    code, said, _ = command("scan", music, "--device", "cuda:9")
    assert (code, "--device cuda" in said) == (2, True)


class Loader:
    """Loads a tone engine, and counts how often."""

    def __init__(self):
        self.n_loads = 0

    def __call__(self):
        self.n_loads += 1
        return tone_engine()


def deferred(folder, load):
    """An engine that is loaded by a function; its model file is there."""
    path = folder / "fake.onnx"
    path.write_bytes(b"fake")
    return DeferredEngine(path, make_spec(), load, sha256=file_sha256(path))


def test_the_engine_is_loaded_once_and_only_to_decode(tmp_path):
    """Files that are settled by a look do not load it; those that are heard load it once."""
    load = Loader()
    engine = deferred(tmp_path, load)
    tones = [write_tone(tmp_path / f"{i}.wav", 200) for i in range(3)]
    nothing = analyse(tones, engine, ListenOptions(), inspect=Inspected)
    assert len(list(nothing)) == 3
    assert (load.n_loads, engine.is_loaded) == (0, False)
    heard = list(analyse(tones, engine, ListenOptions()))
    assert all(result.scores is not None for result in heard)
    assert (load.n_loads, engine.is_loaded) == (1, True)


def test_a_model_that_cannot_be_run_ends_the_scan(tmp_path):
    """What only loading finds out is raised to the caller, and leaves no thread."""

    def load():
        raise ModelError("its graph is broken")

    engine = deferred(tmp_path, load)
    with pytest.raises(ModelError, match="graph is broken"):
        list(analyse([write_tone(tmp_path / "a.wav", 200)], engine, ListenOptions()))


@pytest.mark.parametrize("now", [b"other", None])
def test_a_model_that_was_replaced_before_it_was_loaded_is_not_used(tmp_path, now):
    """Its labels and thresholds were those of the file before."""
    engine = deferred(tmp_path, Loader())
    engine.path.unlink()
    if now is not None:
        engine.path.write_bytes(now)
    with pytest.raises(ModelError, match="was replaced or removed"):
        engine.prepare()
    assert not engine.is_loaded


def test_a_model_that_is_replaced_while_it_is_looked_at_is_refused(tmp_path, monkeypatch):
    """The spec of one and the digest of another would stand for a model that is neither."""
    path = tmp_path / "mine.onnx"
    shutil.copy(MODEL, path)

    def late(model):
        shutil.copy(find_variant(MODEL, "fp32"), model)
        return file_sha256(model)

    monkeypatch.setattr(opening, "sha256_of", late)
    with pytest.raises(ModelError, match="was replaced or removed"):
        Tagger(path, state=False, settings={}, device="cpu")


def test_scores_are_stored_for_the_model_that_gave_them(tmp_path):
    """A model that is put in the place of one in use is another one to the state."""
    path, music = tmp_path / "mine.onnx", tmp_path / "music"
    shutil.copy(MODEL, path)
    write_tone(music / "a.flac", 440, seconds=2)
    options = ScanOptions(threshold=1.0)
    where = {"state": tmp_path / "state.db", "device": "cpu", "settings": {}}
    with Tagger(path, **where) as before:
        (first,) = before.scan([music], options)
        shutil.copy(find_variant(MODEL, "fp32"), path)
        write_tone(music / "b.flac", 330, seconds=3)
        old = {result.path.name: result.scores for result in before.scan([music], options)}
    with Tagger(path, **where) as after:
        new = {result.path.name: result.scores for result in after.scan([music], options)}
        own = after.predict(music / "b.flac").scores
    assert first.scores == old["a.flac"]
    assert new["b.flac"] == own != old["b.flac"]
