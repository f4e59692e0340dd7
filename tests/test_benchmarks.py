"""What the benchmarks count, on recordings that nobody has to hear."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile

from tests.synth_audio import tone

LABELS = ("Rock", "Pop", "Instrumental")
SPEC = SimpleNamespace(
    labels=LABELS,
    parents={},
    kinds={"Instrumental": "voice"},
    thresholds={"Rock": 0.5, "Pop": 0.5, "Instrumental": 0.5},
)


@pytest.fixture
def benchmark(monkeypatch):
    """A script of `benchmarks/`, by its name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def hear(benchmark, monkeypatch):
    """Scores of recordings by their names, as if a model had given them."""
    scores = benchmark("scores")

    def hear(given):
        tracks = [
            SimpleNamespace(path=Path(name), scores=np.array(row, np.float32))
            for name, row in given.items()
        ]
        monkeypatch.setattr(scores, "analyse", lambda *_: tracks)
        return benchmark("robustness").heard(map(Path, given), SimpleNamespace(spec=SPEC), None)

    return hear


def test_a_recording_keeps_its_label_if_its_first_genre_stays(benchmark, hear):
    """Voices, moods and instruments have no say in what is first, nor in what is sure."""
    before = hear({"a": [0.6, 0.3, 0.9], "b": [0.2, 0.3, 0.9], "c": [0.6, 0.3, 0.1]})
    after = hear({"3": [0.2, 0.7, 0.1], "1": [0.9, 0.3, 0.1], "2": [0.3, 0.2, 0.9]})
    made = {Path("1"): Path("a"), Path("2"): Path("b"), Path("3"): Path("c")}
    pairs = benchmark("robustness").pairs_of(before, after, made)
    assert [path.name for path in pairs.paths] == ["c", "a", "b"]
    assert pairs.before.tolist() == [0, 0, 1]
    assert pairs.after.tolist() == [1, 0, 0]
    assert pairs.is_believed.tolist() == [True, True, False]
    assert pairs.figures() == {"same": 0.3333, "same_of_believed": 0.5}


@pytest.mark.parametrize(("n_channels", "left"), [(1, 1), (2, 2), (6, 1)])
def test_any_number_of_channels_can_be_coded(benchmark, tmp_path, n_channels, left):
    """More than two are mixed to mono."""
    wave = np.zeros((16_000, n_channels), np.float32)
    change = benchmark("robustness").coded("libmp3lame", ".mp3", 64, 16_000)
    with av.open(str(change(wave, 16_000, tmp_path / "wave"))) as coded:
        assert coded.streams.audio[0].channels == left


def test_recordings_of_like_names_are_files_of_their_own(benchmark, tmp_path):
    """A dot in a name ends no name, and two folders may hold the same one."""
    script, recording = benchmark("bit_rates"), benchmark("scores").Recording
    for i, name in enumerate(("Mr. A.wav", "Mr. B.wav", "other/Mr. A.wav")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, tone(1.0 + i), 44_100)
    rows = [recording(path, "pop", frozenset()) for path in sorted(tmp_path.rglob("*.wav"))]
    (tmp_path / "made").mkdir()
    whole = script.excerpts(rows, tmp_path / "made")
    coded = script.coded_as(rows, 24, tmp_path / "made" / "24")
    seconds = [soundfile.info(row.path).duration for row in rows]
    assert len(set(seconds)) == 3
    for made in (whole, coded):
        heard = [soundfile.info(row.path).duration for row in made]
        assert heard == pytest.approx(seconds, abs=0.2)
        assert [row.path.stem for row in made] == ["0000", "0001", "0002"]
