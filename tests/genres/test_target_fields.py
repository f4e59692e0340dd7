"""Scans and reports that write other fields than the genre."""

import csv
import json
import re
from datetime import date

import pytest
from mutagen.wave import WAVE

from tagger.genres.target_fields import PROVENANCE, Targets
from tagger.reports.report import open_report, to_json
from tagger.review.apply import ApplyOptions, apply_rows
from tagger.review.report_rows import read_rows
from tagger.scan.options import ScanOptions
from tagger.scan.scan import scan_files
from tagger.tags import read_tags
from tagger.writing.safe_write import write_genres
from tests.cli.test_cli import tagger
from tests.engines import tone_engine
from tests.tones import write_chords, write_tone

SECOND = Targets(second_field="mood", second_labels=frozenset({"high"}))


@pytest.fixture
def folder(tmp_path):
    """A low and a high tone in two containers."""
    write_tone(tmp_path / "music" / "a.flac", 200)
    write_tone(tmp_path / "music" / "b.ogg", 3000)
    return tmp_path / "music"


def run(folder, **options):
    results = scan_files(sorted(folder.iterdir()), tone_engine(), ScanOptions(**options))
    return {result.path.name: result for result in results}


def held(path, *fields):
    """(genres, each field's values) of a file."""
    info = read_tags(path, fields=fields)
    return info.genres, *(info.values(name) for name in fields)


@pytest.mark.parametrize("field", ["grouping", "comment", "mood", "Heard Genre"])
def test_another_field_takes_the_place_of_the_genre(folder, field):
    """It is read, judged by the policy and written; the genre stays as it was."""
    write_genres(folder / "a.flac", ["Polka"])
    targets = Targets(field=field)
    results = run(folder, write=True, targets=targets)
    assert {result.status for result in results.values()} == {"written"}
    assert held(folder / "a.flac", field) == (("Polka",), ("low",))
    assert held(folder / "b.ogg", field) == ((), ("high",))
    again = run(folder, write=True, targets=targets)
    assert {result.status for result in again.values()} == {"kept"}
    assert json.loads(to_json(again["a.flac"]))["field"] == field


def test_the_second_field_gets_its_own_labels(folder):
    """What is listed goes there and nowhere else; a file may need one of the two only."""
    results = run(folder, write=True, targets=SECOND)
    assert {result.status for result in results.values()} == {"written"}
    assert held(folder / "a.flac", "mood") == (("low",), ())
    assert held(folder / "b.ogg", "mood") == ((), ("high",))
    record = json.loads(to_json(results["b.ogg"]))
    assert record["genres"] == []
    assert record["second"] == {"field": "mood", "values": ["high"], "previous": []}


def test_fill_judges_each_field_by_itself(folder):
    """A file with a genre still gets its mood, and its genre is not touched."""
    write_genres(folder / "b.ogg", ["Polka"])
    results = run(folder, write=True, targets=SECOND)
    assert results["b.ogg"].status == "written"
    assert held(folder / "b.ogg", "mood") == (("Polka",), ("high",))
    assert run(folder, write=True, targets=SECOND)["b.ogg"].status == "kept"


def test_provenance_names_the_model_beside_a_change_and_only_then(folder):
    """A file that stays as it is gets no new date."""
    stamp = f"fake 0 {date(2026, 11, 21)}"
    run(folder, write=True, targets=Targets(provenance=stamp))
    assert held(folder / "a.flac", PROVENANCE) == (("low",), (stamp,))
    before = (folder / "a.flac").read_bytes()
    run(folder, write=True, policy="append", targets=Targets(provenance="later"))
    assert (folder / "a.flac").read_bytes() == before


def test_an_edited_report_writes_the_fields_that_it_names(folder, tmp_path):
    """The columns say which fields were meant, so `apply` needs no settings for it."""
    report = tmp_path / "report.csv"
    targets = Targets(field="grouping", second_field="Heard", second_labels=frozenset({"high"}))
    with open_report(report) as file:
        for item in run(folder, targets=targets).values():
            file.add(item)
    text = report.read_text(encoding="utf-8")
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: row["path"])
    rows[0] |= {"genres": "Mine; Own"}
    rows[1] |= {"second": "Shrill", "genres": "Also"}
    with report.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    results = list(apply_rows(read_rows(report, on_note=pytest.fail), ApplyOptions()))
    assert [result.status for result in results] == ["written", "written"]
    assert held(folder / "a.flac", "grouping", "Heard") == ((), ("Mine", "Own"), ())
    assert held(folder / "b.ogg", "grouping", "Heard") == ((), ("Also",), ("Shrill",))


def test_a_report_with_an_impossible_field_fails_that_row(folder, tmp_path):
    """`title` is nothing that a list of genres is written to."""
    report = tmp_path / "report.csv"
    report.write_text(f"path,genres,previous,field\n{folder / 'a.flac'},X,,title\n")
    (result,) = apply_rows(read_rows(report, on_note=print), ApplyOptions())
    assert result.status == "failed"
    assert "'title'" in result.reason


def test_the_page_tells_the_second_field(folder, tmp_path):
    """Beside the genres, which it counts, stands what another field would get."""
    page = tmp_path / "report.html"
    with open_report(page) as file:
        for item in run(folder, targets=SECOND).values():
            file.add(item)
    assert "mood: high" in page.read_text(encoding="utf-8")


def test_the_command_line_and_the_settings_reach_the_files(folder, tmp_path, monkeypatch):
    """`config.toml` chooses the field, `--set` the spelling, and the rest follows."""
    write_chords(folder / "c.wav", 300)
    config = tmp_path / "config.toml"
    config.write_text('field = "Heard"\nprovenance = true\n')
    monkeypatch.setenv("TAGGER_CONFIG", str(config))
    options = ("--threshold", "0.01", "--top", "2", "--set", "id3v2_version=3")
    done = tagger(
        "scan", folder, "--write-tags", *options, "--set", "id3v23_separator=' / '", "--state",
        tmp_path / "state.sqlite",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tag = WAVE(folder / "c.wav").tags
    assert tag.version == (2, 3, 0)
    assert tag["TXXX:Heard"].text[0].count(" / ") == 1
    assert re.search(r" 20\d\d-\d\d-\d\d$", tag["TXXX:TAGGER"].text[0])
    assert "TCON" not in tag
    genres = tagger(
        "scan", folder, "--set", "wav_info=true", "--write-tags", "--set", "field=genre",
        "--threshold", "0.01", "--state", tmp_path / "state.sqlite",
    )  # fmt: skip
    assert genres.returncode == 0, genres.stderr
    assert b"IGNR" in (folder / "c.wav").read_bytes()


def test_a_wrong_version_is_told_with_its_option(folder):
    """Nothing is started, and the message names what can be typed."""
    done = tagger("scan", folder, "--set", "id3v2_version=5")
    assert done.returncode == 2
    assert 'id3v2_version\' is 5, and must be "keep", 3 or 4' in done.stderr


def test_options_that_became_settings_are_read_with_a_notice(folder, tmp_path):
    """Their old spelling does what it did, says what to write, and is not in the help."""
    write_chords(folder / "c.wav", 300)
    done = tagger(
        "scan", folder, "--write-tags", "--threshold", "0.01", "--top", "2", "--wav-info",
        "--id3v2-version", "3", "--id3v23-separator", " / ", "--mp4-compat", "--state",
        tmp_path / "state.sqlite",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for setting in ("wav_info=true", "id3v2_version=3", "mp4_compat=true"):
        assert f"is a setting now: write --set {setting}" in done.stderr
    assert """--set 'id3v23_separator=" / "'""" in done.stderr
    tag = WAVE(folder / "c.wav").tags
    assert (tag.version, tag["TCON"].text[0].count(" / ")) == ((2, 3, 0), 1)
    assert b"IGNR" in (folder / "c.wav").read_bytes()
    assert "--wav-info" not in tagger("scan", "--help").stdout
