"""From scanned files to a model of the owner's genres, corrected, learned again, undone."""

import csv
import shutil
from dataclasses import replace

import pytest

from tagger.api import Tagger
from tagger.errors import InputError, ModelError
from tagger.learning import learn as learn_module
from tagger.learning.run import LearnOptions, learn_library, recipe_of
from tagger.model.catalogue import find_model
from tagger.reports.report import open_report
from tagger.review.report_rows import read_rows
from tagger.scan.options import ScanOptions
from tagger.state.corrections import all_corrections, forget_corrections
from tests.learning.conftest import GENRES, write_genre, write_track
from tests.learning.tone_model import save_tone_model

MINE = LearnOptions(name="mine", precision=0.6)


def opened(model, tmp_path, **settings):
    """A `Tagger`, with the state of the test."""
    return Tagger(model, device="cpu", state=tmp_path / "state.db", settings=settings)


def taught(tmp_path, paths, options=MINE, *, base="base", said=None):
    """What is learned from some files."""
    with opened(base, tmp_path) as tagger:
        say = (lambda _: None) if said is None else said.append
        return learn_library(tagger, paths, options, say=say)


def best(result):
    """The label of the highest score."""
    return next(iter(result.scores))


def test_the_whole_way(tmp_path, models, music):
    """Scan, learn, scan with it, correct by a report, update, and undo everything."""
    known = sorted(music.rglob("*.flac"))
    unknown = write_genre(music, "Berlin School", tags=(), n_artists=6)
    before = {path: path.read_bytes() for path in music.rglob("*.flac")}
    with opened("base", tmp_path) as tagger:
        list(tagger.scan([music], ScanOptions(score_all=True)))
    with opened("base", tmp_path) as tagger:
        lesson = learn_library(tagger, [music], MINE, say=pytest.fail)
        assert not tagger._engine.is_loaded  # nothing was decoded: the state had it all
    assert sorted(lesson.learned.labels) == sorted(GENRES)
    assert all(row.average_precision > 0.9 for row in lesson.learned.rows)
    assert find_model("mine") == models / "mine.onnx"

    report = tmp_path / "report.csv"
    options = ScanOptions(write=True, policy="fill", threshold=0.05)
    with opened("mine", tmp_path) as tagger, open_report(report, spec=tagger.spec) as file:
        for result in tagger.scan([music], options):
            file.add(result)
    written = [row for row in csv.DictReader(report.open()) if row["status"] == "written"]
    assert {row["path"] for row in written} == set(map(str, unknown))
    assert not any("Berlin School" in row["genres"] for row in written)

    said = []
    taught(tmp_path, [music], said=said)
    assert any("12 files hold genres that tagger wrote itself" in item for item in said)

    for row in written:
        row["previous"], row["genres"] = row["genres"], "Berlin School"
    with report.open("w", newline="") as file:
        table = csv.DictWriter(file, written[0].keys())
        table.writeheader()
        table.writerows(written[:10])
    with opened("mine", tmp_path) as tagger:
        applied = list(tagger.apply(read_rows(report, on_note=pytest.fail)))
        assert {result.status for result in applied} == {"written"}
        assert len(all_corrections(tagger.held_state())) == 10
        base, paths, recipe = recipe_of(tagger.held_state(), "mine")
    lesson = taught(tmp_path, paths, recipe, base=base)
    assert "Berlin School" in lesson.learned.labels
    assert sum(track.origin == "correction" for track in lesson.gathered.tracks) == 10

    new = write_genre(tmp_path / "new", "Berlin School", tags=(), seed=77)
    with opened("mine", tmp_path) as tagger:
        assert [best(item) for item in tagger.scan(new)] == ["Berlin School"] * len(new)
        right = list(tagger.scan(known, ScanOptions(score_all=True)))
        assert all(best(result) == result.previous[0] for result in right)
        while [run for run in tagger.runs() if run.command != "undo" and not run.n_undone]:
            list(tagger.undo())
    assert {path: path.read_bytes() for path in before} == before


def test_a_genre_that_was_taken_away_is_a_negative(tmp_path, models, music):
    """Who undoes a scan has said what the tracks are not, and may forget it."""
    odd = write_genre(music, "Berlin School", tags=(), n_artists=2)
    taught(tmp_path, [music])
    with opened("mine", tmp_path) as tagger:
        options = ScanOptions(write=True, threshold=0.01, top=1)
        (wrong,) = {result.genres for result in tagger.scan(odd[:1], options)}
        list(tagger.undo())
    lesson = taught(tmp_path, [music])
    (track,) = [track for track in lesson.gathered.tracks if track.path == odd[0]]
    assert (track.genres, track.denied) == ((), wrong)
    with opened("mine", tmp_path) as tagger:
        assert forget_corrections(tagger.held_state()) == 1
    assert odd[0] not in [track.path for track in taught(tmp_path, [music]).gathered.tracks]


def test_tags_that_are_contradicted_are_named(tmp_path, models, music):
    """A Schlager that is tagged as Krautrock stands first among what looks wrong."""
    wrong = write_track(
        music / "odd" / "1.flac",
        GENRES["Schlager"],
        seed=5,
        genres=("Krautrock",),
        artist="Somebody",
    )
    (first, *_) = taught(tmp_path, [music]).learned.suspicions
    assert (first.path, first.suggested, first.genres) == (wrong, "Schlager", ("Krautrock",))


def test_a_report_teaches_what_the_files_do_not_say(tmp_path, models):
    """--labels-from: its genres take the place of those of its files."""
    folder = tmp_path / "plain"
    paths = {genre: write_genre(folder, genre, tags=("Other",)) for genre in GENRES}
    report = tmp_path / "report.csv"
    rows = [f"{path},{genre},Other" for genre, found in paths.items() for path in found]
    report.write_text("\n".join(["path,genres,previous", *rows]))
    lesson = taught(tmp_path, [folder], replace(MINE, labels_from=report))
    assert sorted(lesson.learned.labels) == sorted(GENRES)


def test_a_few_examples_add_a_label_to_the_bases_own(tmp_path, models, music, monkeypatch):
    """Folders named like labels; how sure that can be is said as an interval.

    However much other music is known; and copies of it are no other music.
    """
    monkeypatch.setattr(learn_module, "FEW_TRACKS", 20)
    examples = tmp_path / "examples"
    copied = write_genre(examples / "Berlin School", "Berlin School", n_artists=3, tags=())
    shutil.copytree(copied[0].parent, music / "copied from here")
    with opened("base", tmp_path) as tagger:
        list(tagger.scan([music], ScanOptions(score_all=True)))
    lesson = taught(tmp_path, [], LearnOptions(name="few", examples=examples))
    assert lesson.written.spec.labels == ("low", "high", "Berlin School")
    (row,) = lesson.learned.rows
    assert row.n_tracks == 6
    assert row.interval.low < row.average_precision <= row.interval.high
    assert sum(track.origin == "background" for track in lesson.gathered.tracks) == 30


def test_labels_that_no_track_has_are_told(tmp_path, models, music):
    """What was to be left out, or learned, is mistyped; the others are learned."""
    said = []
    options = replace(MINE, include=("Krautrock", "Schlager", "Foo"), exclude=("Shlager",))
    lesson = taught(tmp_path, [music], options, said=said)
    assert set(lesson.learned.labels) == {"Krautrock", "Schlager"}
    assert said == [
        "--include Foo: no track has that label; it is ignored.",
        "--exclude Shlager: no track has that label (did you mean 'Schlager'?); it is ignored.",
    ]


def test_another_models_embeddings_are_not_taken_for_this_ones(tmp_path, models, music):
    """They are told apart, the tracks are decoded once more, and that is said."""
    taught(tmp_path, [music])
    save_tone_model(models / "base.onnx", revision="other")
    said = []
    with opened("base", tmp_path) as tagger:
        learn_library(tagger, [music], MINE, say=said.append)
        assert tagger._engine.is_loaded
    assert any("30 tracks have the embedding of another model" in item for item in said)


@pytest.mark.parametrize(
    ("name", "said"),
    [("a/b", "cannot be the name"), ("default", "a model of the package has this name")],
)
def test_a_name_that_cannot_be_is_said_before_anything_is_done(tmp_path, models, name, said):
    """No file outside the user's folder, none in the place of the package's."""
    with pytest.raises(InputError, match=said):
        taught(tmp_path, [tmp_path / "nowhere"], LearnOptions(name=name))


def test_what_cannot_be_learned_writes_nothing(tmp_path, models, music):
    """One artist, one genre, nothing tagged, a model that gives no embedding, no recipe."""
    single = write_genre(tmp_path / "one", "Schlager", n_artists=1, n_tracks=9, tags=("A",))
    with pytest.raises(InputError, match="by one artist"):
        taught(tmp_path, single)
    plain = write_genre(tmp_path / "plain", "Schlager", n_artists=1, tags=())
    with pytest.raises(InputError, match="no track there has a genre"):
        taught(tmp_path, plain)
    with pytest.raises(InputError, match="holds no folders"):
        taught(tmp_path, [], LearnOptions(name="few", examples=tmp_path / "models"))
    with opened("base", tmp_path) as tagger, pytest.raises(InputError, match="there are: none"):
        recipe_of(tagger.held_state(), "mine")
    save_tone_model(models / "plain.onnx", embedding=False)
    with pytest.raises(ModelError, match="gives no embedding"):
        taught(tmp_path, [music], base="plain")
    assert sorted(path.name for path in models.iterdir()) == ["base.onnx", "plain.onnx"]
