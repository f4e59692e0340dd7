import dataclasses
import importlib.util
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tagger.errors import InputError, MissingExtraError
from tagger.reports.taggram import COLOURS, check_plot, save_taggram
from tagger.reports.timeline_lines import PALETTE, clock, timeline_view
from tagger.scan.options import ScanOptions
from tagger.scan.pipeline import ListenOptions
from tagger.scan.scan import scan_files
from tagger.scan.timeline import Timeline, segments
from tests.engines import RATE, make_spec, tone_engine

SPEC = make_spec()
needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="the extra `plot` is not installed"
)


def write_song(path, *, rest_len):
    """Two seconds low, one of silence, two high, and a rest that fills no window."""
    t = np.arange(2 * RATE) / RATE
    low, high = (0.3 * np.sin(2 * np.pi * hz * t) for hz in (200, 3000))
    soundfile.write(path, np.concatenate((low, np.zeros(RATE), high, high[:rest_len])), RATE)
    return path


@pytest.fixture
def song(tmp_path):
    """A song of ten windows."""
    return write_song(tmp_path / "song [1].flac", rest_len=0)


def listen(path, **options):
    options = ScanOptions(listen=ListenOptions(keep_windows=True), **options)
    (result,) = scan_files([path], tone_engine(), options)
    return result


def test_a_timeline_covers_the_track_and_leaves_silence_out(tmp_path):
    """Windows stand where they were heard, equally far apart from one end to the other."""
    timeline = listen(write_song(tmp_path / "song.flac", rest_len=1000)).timeline
    assert timeline.duration_s == pytest.approx(5.125)
    starts_s = [i * 4.625 / 10 for i in range(11)]
    del starts_s[5]  # the only one that lies in the silence
    assert timeline.starts_s.tolist() == pytest.approx(starts_s)
    assert timeline.scores.shape == (10, 2)
    assert (timeline.scores[:5, 0] > 0.9).all()
    assert (timeline.scores[5:, 1] > 0.9).all()


@pytest.mark.parametrize(
    ("starts", "spans"),
    [
        ([0, 10, 20], [(0, 10), (10, 20), (20, 30)]),  # side by side
        ([0, 4, 8], [(0, 7), (7, 11), (11, 18)]),  # overlapping: the nearer middle has it
        ([0, 20], [(0, 10), (20, 30)]),  # silence between them belongs to none
        ([3], [(3, 13)]),
    ],
)
def test_each_moment_belongs_to_the_nearest_window(starts, spans):
    """Overlapping windows do not say what they hear before it is played."""
    timeline = Timeline(
        ("a",),
        np.array(starts, np.float64),
        np.zeros((len(starts), 1), np.float32),
        window_s=10.0,
        duration_s=spans[-1][1],
    )
    assert [(begin, end) for begin, end, _ in timeline.spans()] == spans


def test_segments_say_what_is_heard_when(song):
    """Like neighbours are one segment, silence is one too."""
    found = segments(listen(song).timeline, SPEC, threshold=None)
    assert [
        (segment.label, round(segment.start_s, 2), round(segment.end_s, 2)) for segment in found
    ] == [
        ("low", 0, 2),
        ("", 2, 3),
        ("high", 3, 5),
    ]


@pytest.mark.parametrize(
    ("scores", "label"),
    [
        ([0.9, 0.7, 0.2], "Punk"),  # the surest name below the best one
        ([0.9, 0.4, 0.2], "Rock"),
        ([0.4, 0.4, 0.3], None),
        ([0.3, 0.2, 0.8], "Jazz"),
    ],
)
def test_a_segment_has_the_most_specific_name_that_is_sure(scores, label):
    """A parent is never less sure than its child: it would always stand in front."""
    labels = ("Rock", "Punk", "Jazz")
    spec = dataclasses.replace(
        SPEC, labels=labels, thresholds=dict.fromkeys(labels, 0.5), parents={"Punk": "Rock"}
    )
    timeline = Timeline(
        labels, np.zeros(1), np.array([scores], np.float32), window_s=5.0, duration_s=5.0
    )
    assert [segment.label for segment in segments(timeline, spec, threshold=None)] == [label]


def test_without_being_asked_nothing_is_kept(song):
    """A scan of a library does not hold window scores; JSON has no new field."""
    (result,) = scan_files([song], tone_engine(), ScanOptions())
    assert result.timeline is None


def test_the_scores_of_a_track_are_the_mean_of_its_windows(song):
    """The timeline is what the decision was made from."""
    result = listen(song)
    mean = result.timeline.scores.mean(axis=0)
    assert [result.scores[label] for label in SPEC.labels] == pytest.approx(mean, abs=1e-4)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30),
    st.floats(0.1, 20),
    st.floats(0, 1),
)
def test_segments_are_without_gap_and_overlap(scores, window_s, rest):
    """Whatever is heard, the segments go from 0 to the end, and no two alike are neighbours."""
    n = len(scores)
    duration_s = window_s * (n - 1 + max(rest, 0.01))
    starts = np.minimum(np.arange(n) * window_s, max(0.0, duration_s - window_s))
    timeline = Timeline(
        SPEC.labels, starts, np.array(scores, dtype=np.float32), window_s, duration_s
    )
    found = segments(timeline, SPEC, threshold=None)
    assert found[0].start_s == 0
    assert found[-1].end_s == pytest.approx(duration_s)
    for segment, following in pairwise(found):
        assert segment.end_s == pytest.approx(following.start_s)
        assert segment.label != following.label
    assert all(segment.score >= 0.5 for segment in found if segment.label)
    assert all(segment.end_s > segment.start_s for segment in found)


def test_the_terminal_shows_bars_and_segments(song):
    """Height says what colour says, and every segment has its times."""
    console = Console(record=True, width=90)
    console.print(timeline_view(listen(song).timeline, SPEC, threshold=None))
    text = console.export_text()
    assert "█" in text
    assert "0:00 to  0:02  █ low 0.9" in text
    assert "0:02 to  0:03  ░ silence" in text


def test_colours_differ_in_lightness_for_everybody():
    """No two colours of the palette are alike when seen without red or green."""
    assert len(set(PALETTE)) == len(PALETTE) == 8
    assert clock(185.9) == "3:05"


@needs_matplotlib
@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_picture_is_drawn(song, tmp_path, suffix):
    """The picture has the size of a picture; names are text, whatever is in them."""
    out = tmp_path / f"x{suffix}"
    check_plot(out)
    save_taggram(song, listen(song).timeline, SPEC, out, threshold=None)
    assert out.stat().st_size > 5_000


@needs_matplotlib
@pytest.mark.parametrize("name", ["x.gif", "no/folder/x.png", "x"])
def test_a_picture_that_cannot_be_made_is_refused_at_once(tmp_path, name):
    """Nothing is listened to before the place for the picture is sure."""
    with pytest.raises(InputError):
        check_plot(tmp_path / name)


def test_without_matplotlib_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    """The optional part is named with the command that brings it."""
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"tagger-music\[plot\]"):
        check_plot(tmp_path / "x.png")


def test_no_label_of_a_picture_has_the_colour_of_silence():
    """However many labels are heard, each has a colour, and none of them is a grey."""
    for colour in COLOURS[:7]:
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        assert max(red, green, blue) - min(red, green, blue) > 60
    assert len(set(COLOURS)) == 8
