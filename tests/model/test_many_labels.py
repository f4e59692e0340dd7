"""What people see of a model with dozens of labels, in a tree and of several kinds."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tagger.model.load import Engine
from tagger.reports.html import HtmlReport
from tagger.reports.prediction_table import prediction
from tagger.scan.results import TrackResult
from tagger.scan.timeline import Timeline
from tests.chrome import chrome, find_chrome
from tests.engines import make_spec

GENRES = ("Electronic", "Drum & Bass", "R&B", "Children's", *(f"Genre {n}" for n in range(40)))
LABELS = (*GENRES, "Happy", "Sad", "Party", "Mellow", "Female Vocals")
SPEC = make_spec(
    labels=LABELS,
    thresholds=dict.fromkeys(LABELS, 0.6) | {"Children's": 1.0},
    parents={"Drum & Bass": "Electronic"},
    kinds=dict.fromkeys(LABELS[44:48], "mood") | {"Female Vocals": "voice"},
)
SCORES = {"Drum & Bass": 0.85, "Electronic": 0.85, "Children's": 0.9} | {
    f"Genre {n}": 0.5 - n / 100 for n in range(40)
}
RESULT = TrackResult(
    path=Path("song.mp3"),
    status="proposed",
    genres=("Drum & Bass",),
    scores=dict(sorted(SCORES.items(), key=lambda one: -one[1])) | {"R&B": 0.01},
    duration_s=61.0,
    others={
        "mood": {"Happy": 0.8, "Sad": 0.3, "Party": 0.2, "Mellow": 0.1},
        "voice": {"Female Vocals": 0.4},
    },
)


def shown(*, everything=False, result=RESULT):
    """The lines of `tagger predict`."""
    console = Console(width=80, color_system=None, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(prediction(result, SPEC, threshold=None, everything=everything))
    return [line.strip() for line in console.export_text().splitlines()]


def test_a_prediction_shows_what_is_sure_and_the_likeliest_of_the_rest():
    """Not fifty lines: eight genres, three of each other kind, and how many are left out."""
    lines = shown()
    assert len(lines) < 22
    assert sum(line.startswith("Genre ") for line in lines) == 5
    assert [line for line in lines if line in {"mood", "voice"}] == ["mood", "voice"]
    assert not any(line.startswith("Mellow") for line in lines)
    assert "37 less sure; --all shows them" in lines
    assert any(line.startswith("Children's") and "is never written" in line for line in lines)
    assert any(line.startswith("Sad") and line.endswith("under 0.60") for line in lines)


def test_all_labels_are_shown_where_they_are_asked_for():
    """`--all` leaves nothing out; what is sure is never left out."""
    lines = shown(everything=True)
    assert sum(line.startswith("Genre ") for line in lines) == 40
    assert any(line.startswith("Mellow") for line in lines)
    assert not any("less sure" in line for line in lines)
    sure = replace(RESULT, scores={f"Genre {n}": 0.9 for n in range(20)}, others=None)
    assert sum(line.startswith("Genre ") for line in shown(result=sure)) == 20


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="the extra `plot` is not installed"
)
def test_a_picture_draws_the_labels_that_matter():
    """The likeliest, and whatever is heard somewhere, however rarely."""
    from tagger.reports.taggram import ROWS, _rows  # noqa: PLC0415 - an optional part

    scores = np.tile(np.linspace(0.9, 0.1, len(GENRES), dtype=np.float32), (3, 1))
    timeline = Timeline(GENRES, np.array([0.0, 1.0, 2.0]), scores, 1.0, 3.0)
    rows = _rows(timeline, {"Genre 39", None})
    assert len(rows) == ROWS + 1
    assert GENRES[rows[-1]] == "Genre 39"


@pytest.mark.skipif(find_chrome() is None, reason="no chromium here: apt install chromium")
def test_the_page_follows_the_tree_and_tells_moods_apart(tmp_path):
    """Of equals the child is what was heard; a mood is a line of its own, and no bar."""
    engine = Engine(Path("m.onnx"), SPEC, "cpu", None, None)
    unsure = replace(
        RESULT,
        path=Path("unsure.mp3"),
        scores={"Drum & Bass": 0.55, "Electronic": 0.65},
        genres=("Electronic", "Genre 1, quite long", "Genre 2, quite long"),
    )
    with (tmp_path / "r.html").open("w") as file, HtmlReport(file, engine.spec) as page:
        page.add(replace(RESULT, scores=dict(RESULT.scores) | {"Children's": 0.1}))
        page.add(unsure)
    with chrome(tmp_path / "profile") as browser:
        browser.size(1280, 900)
        browser.open(tmp_path / "r.html")
        heard = browser.run(
            "[...document.querySelectorAll('.item')].map(one => one.innerText).join('|')"
        )
        assert "Drum & Bass\n0.85" in heard.replace("\n\n", "\n")
        assert "Electronic\n0.65" in heard.replace("\n\n", "\n")
        browser.run("document.querySelector('.item[data-at=\"0\"]').click()")
        text = browser.run("document.querySelector('dialog').innerText")
        assert "Mood\n" in text
        assert "Happy 0.80" in text
        assert "Sad" not in text
        assert text.index("Drum & Bass\n") < text.index("Electronic\n")
        assert browser.errors == []
