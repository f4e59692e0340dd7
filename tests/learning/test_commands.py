"""`tagger learn`, `similar` and `duplicates` as they are typed."""

import json
import shutil

import pytest
import soundfile

from tests.cli.test_cli import tagger
from tests.learning.conftest import GENRES, write_track

QUIET = ("--device", "cpu", "--jobs", "1")


@pytest.fixture
def learned(models, music):
    """A library, and what came of learning it."""
    return tagger("learn", music, "-o", "mine", "--from", "base", *QUIET)


def test_what_was_learned_is_a_table_for_people(learned, models, music):
    """Labels with their figures on stdout; the model can be named from then on."""
    assert learned.returncode == 0, learned.stderr
    assert all(genre in learned.stdout for genre in GENRES)
    assert "3 labels learned from 30 tracks by 15 artists" in learned.stdout
    assert (models / "mine.onnx").is_file()
    scanned = tagger("scan", music, "--model", "mine", "--score-all", "--json", *QUIET)
    for line in map(json.loads, scanned.stdout.splitlines()):
        assert next(iter(line["scores"])) == line["previous"][0]


def test_it_is_learned_again_as_it_was(learned, models, music):
    """--update needs nothing but the name, and nothing is decoded."""
    write_track(
        music / "new" / "1.flac", GENRES["Schlager"], seed=9, genres=("Schlager",), artist="X"
    )
    again = tagger("learn", "--update", "mine", "--json", *QUIET)
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["figures"]["n_tracks"] == 31
    assert {row["label"] for row in found["labels"]} == set(GENRES)
    missing = tagger("learn", "--update", "other")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "there are: mine" in missing.stderr


def test_decisions_are_shown_and_forgotten(learned, tmp_path, music):
    """As a table, as JSON; by number or all."""
    track = write_track(music / "x" / "1.flac", (4, 5), seed=1)
    report = tmp_path / "report.csv"
    report.write_text(f"path,genres,previous\n{track},Dub,\n")
    assert tagger("apply", report).returncode == 0
    (one,) = map(json.loads, tagger("learn", "--corrections", "--json").stdout.splitlines())
    assert (one["path"], one["genres"], one["origin"]) == (str(track), ["Dub"], "apply")
    assert "Dub" in tagger("learn", "--corrections").stdout
    assert tagger("learn", "--forget", "x").returncode == 2
    assert "1 decision forgotten" in tagger("learn", "--forget", "all").stderr
    assert tagger("learn", "--corrections", "--json").stdout == ""


def test_tags_that_look_wrong_are_a_report_that_apply_takes(models, music, tmp_path):
    """What was contradicted is proposed; who applies the report as it is writes it."""
    write_track(
        music / "odd" / "1.flac", GENRES["Schlager"], seed=5, genres=("Krautrock",), artist="X"
    )
    report = tmp_path / "odd.csv"
    done = tagger("learn", music, "-o", "mine", "--from", "base", "--report", report, *QUIET)
    assert "Tags that look wrong" in done.stdout
    applied = tagger("apply", report, "--dry-run", "--json")
    first = json.loads(applied.stdout.splitlines()[0])
    assert (first["status"], first["genres"]) == ("proposed", ["Schlager"])


def test_one_file_is_not_files(models, music):
    """A single file that cannot be read is told of in the singular."""
    (music / "Schlager 0" / "bad.mp3").write_bytes(b"no music at all" * 20)
    done = tagger("learn", music, "-o", "mine", "--from", "base", *QUIET)
    assert "1 file could not be read; `tagger scan` says why." in done.stderr


def test_nothing_to_learn_from_is_said():
    """Neither a path nor examples."""
    done = tagger("learn")
    assert (done.returncode, done.stdout) == (2, "")
    assert "say which files or folders" in done.stderr


def test_what_sounds_alike_is_found_in_the_state(learned, music, tmp_path):
    """The nearest are of the same genre, and a playlist names them."""
    track = min((music / "Schlager 0").iterdir())
    playlist = tmp_path / "like.m3u"
    options = ("--model", "base", "-n", "4", "--json", "--m3u", playlist, *QUIET)
    for where in ((), ("--in", music)):
        done = tagger("similar", track, *where, *options)
        assert done.returncode == 0, done.stderr
        found = [json.loads(line)["path"] for line in done.stdout.splitlines()]
        assert len(found) == 4
        assert str(track) not in found
        assert all("Schlager" in path for path in found[:2])
    lines = playlist.read_text().splitlines()
    assert lines[:2] == ["#EXTM3U", str(track)]
    assert lines[2:] == found


def test_an_index_that_cannot_be_kept_is_said(learned, music, tmp_path):
    """What was asked for is answered all the same."""
    track = min((music / "Schlager 0").iterdir())
    state = tmp_path / "own" / "state.db"
    options = ("--model", "base", "--state", state, *QUIET)
    assert tagger("scan", music, "--score-all", *options).returncode == 0
    state.with_name("state.db.similar.npy").mkdir()
    done = tagger("similar", track, "-n", "4", *options)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 4)
    assert "what is compared cannot be kept" in " ".join(done.stderr.split())


def test_a_library_without_duplicates_has_none(models, tmp_path):
    """It is said in words, not as a number of them."""
    write_track(tmp_path / "more" / "a.flac", (0, 13), seed=9, seconds=3)
    done = tagger("duplicates", tmp_path / "more", "--model", "base", *QUIET)
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 track was compared; no duplicates." in done.stderr


def test_a_copy_in_another_format_is_a_duplicate(learned, music, tmp_path):
    """Of the state, or of a folder; what stands alone is not named."""
    folder = tmp_path / "more"
    original = write_track(folder / "a.flac", (0, 13), seed=9, seconds=3)
    samples, rate = soundfile.read(original)
    soundfile.write(folder / "b.ogg", 0.7 * samples, rate)
    for i in range(6):
        write_track(folder / f"{i}.flac", GENRES["Schlager"], seed=i, seconds=10 + 5 * i)
    done = tagger("duplicates", folder, "--model", "base", "--json", *QUIET)
    assert done.returncode == 0, done.stderr
    (group,) = map(json.loads, done.stdout.splitlines())
    assert [item["path"].rsplit("/", 1)[1] for item in group["tracks"]] == ["a.flac", "b.ogg"]
    assert "8 tracks were compared; 1 recording is there twice or more" in done.stderr


@pytest.mark.parametrize(
    ("track", "said"),
    [
        ("nope.mp3", "nope.mp3: there is no such file or folder; check the path."),
        (".", ": it is a folder, not a track; name one audio file."),
    ],
)
def test_what_is_searched_for_must_be_a_track(tmp_path, track, said):
    """Said before the model is loaded and anything is looked through."""
    done = tagger("similar", tmp_path / track, "--model", tmp_path / "none.onnx")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_what_is_not_there_any_more_is_not_named(models, music, tmp_path):
    """After a folder was renamed and scanned anew; a script may delete all but the first."""
    scan, base = ("--score-all", *QUIET), ("--model", "base")
    moved = tmp_path / "moved"
    assert tagger("scan", music, *base, *scan).returncode == 0
    music.rename(moved)
    assert tagger("scan", moved, *base, *scan).returncode == 0
    done = tagger("duplicates", *base, "--json", *QUIET)
    assert done.returncode == 0, done.stderr
    assert str(music) not in done.stdout
    assert "30 files were left out for not being there any more." in done.stderr
    track = min((moved / "Schlager 0").iterdir())
    options = (*base, "-n", "29", "--json", *QUIET)
    found = tagger("similar", track, *options)
    paths = [json.loads(line)["path"] for line in found.stdout.splitlines()]
    assert len(set(paths)) == 29
    assert all(path.startswith(str(moved)) for path in paths)
    assert "files were left out" in found.stderr
    shutil.rmtree(moved / "Schlager 1")
    done = tagger("duplicates", *base, *QUIET)
    assert "Schlager 1" not in done.stdout
    paths = tagger("similar", track, *options).stdout
    assert (paths.count("\n"), paths.count("Schlager 1")) == (27, 0)
