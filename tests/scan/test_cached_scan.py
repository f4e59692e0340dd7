import os
import shutil

import pytest

from tagger.genres.rules import GenreRules
from tagger.genres.target_fields import Targets
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.records import ListenOptions
from tagger.scan.scan import scan_files
from tagger.state import open_store
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.engines import tone_engine
from tests.repeated_scans import UnchangedFolder
from tests.tones import write_tone

NAMES = ["a.flac", "b.ogg", "c.wav"]
NOTHING = ([], [])


def test_a_scan_with_a_memory_says_what_one_without_says(folder, run):
    """The first scan and the second give the results that a plain scan gives."""
    plain = {
        file.path.name: file
        for file in scan_files(sorted(folder.rglob("*.*")), tone_engine(), ScanOptions())
    }
    assert run() == plain
    assert run() == plain


@pytest.mark.parametrize(
    "options",
    [{}, {"policy": "append"}, {"listen": ListenOptions(full=True)}, {"threshold": 1.0}],
)
def test_a_second_scan_opens_nothing(opened, run, options):
    """What is known is neither decoded nor looked into."""
    first = run(**options)
    assert opened.take() == (NAMES, NAMES)
    assert run(**options) == first
    assert opened.take() == NOTHING


def test_after_writing_nothing_is_opened_either(folder, opened, run):
    """Our own change of a file is no reason to look at it again."""
    run(write=True)
    opened.take()
    second = run(write=True)
    assert {result.status for result in second.values()} == {"kept"}
    assert second["a.flac"].genres == ("low",)
    assert opened.take() == NOTHING


def test_thresholds_rules_and_policies_cost_no_listening(opened, run):
    """Decisions are made anew from the scores that are stored."""
    run()
    opened.take()
    assert {result.status for result in run(threshold=1.0).values()} == {"abstained"}
    renamed = run(rules=GenreRules(aliases={"low": "Deep"}))
    assert renamed["a.flac"].genres == ("Deep",)
    assert run(policy="replace", top=1)["b.ogg"].genres == ("high",)
    assert {result.status for result in run().values()} == {"proposed"}
    assert opened.take() == NOTHING


def test_a_remembered_proposal_is_written(folder, opened, run):
    """A dry run first, then the same with writing: nothing is decoded twice."""
    run()
    opened.take()
    assert {result.status for result in run(write=True).values()} == {"written"}
    assert opened.take() == NOTHING
    assert read_tags(folder / "a.flac").genres == ("low",)


def test_a_second_place_that_disagrees_is_remembered(folder, opened, run):
    """Not opened again, a file whose ID3v1 says another genre is written by `replace` alone."""
    run(write=True)
    path = folder / "a.flac"
    path.write_bytes(path.read_bytes() + b"TAG" + bytes(124) + b"\x08")
    assert run(write=True)["a.flac"].status == "kept"
    assert run(policy="replace")["a.flac"].status == "proposed"
    opened.take()
    done = run(policy="replace", write=True)["a.flac"]
    assert (done.status, done.previous, done.genres) == ("written", ("low",), ("low",))
    assert path.read_bytes()[-1] == 255
    assert run(policy="replace", write=True)["a.flac"].status == "unchanged"
    assert opened.take() == NOTHING


def test_an_option_of_spelling_is_asked_of_every_file(folder, run):
    """A WAV that holds its genre gets RIFF INFO once that is asked for."""
    run(write=True, policy="replace")
    assert run(policy="replace")["c.wav"].status == "unchanged"
    info = WriteOptions(wav_info=True)
    assert run(policy="replace", write=True, writing=info)["c.wav"].status == "written"
    assert b"IGNR" in next(folder.rglob("c.wav")).read_bytes()
    assert run(policy="replace", write=True, writing=info)["c.wav"].status == "unchanged"


def test_moved_renamed_copied_and_tagged_files_are_not_decoded(folder, opened, run):
    """They are opened for their tags and recognised by their audio."""
    run()
    opened.take()
    (folder / "a.flac").rename(folder / "deep" / "renamed.flac")
    shutil.copy(folder / "b.ogg", folder / "copy.ogg")
    run([folder / "deep"], write=True)
    opened.take()
    write_genres(folder / "b.ogg", ("by hand",))
    found = run(score_all=True)
    assert opened.take() == ([], ["b.ogg", "copy.ogg"])
    assert found["b.ogg"].genres == ("by hand",)
    assert found["b.ogg"].scores == found["copy.ogg"].scores
    assert found["renamed.flac"].scores["low"] > 0.9


def test_a_moved_folder_is_not_decoded(folder, opened, run):
    """Not even when the whole library has another name."""
    first = run()
    opened.take()
    moved = folder.rename(folder.with_name("elsewhere"))
    again = run([moved])
    assert opened.take() == ([], NAMES)
    assert {name: value.scores for name, value in again.items()} == {
        name: value.scores for name, value in first.items()
    }


def test_changed_audio_is_decoded(folder, opened, run):
    """The same name with other music in it."""
    run()
    opened.take()
    write_tone(folder / "a.flac", 3000)
    assert run()["a.flac"].genres == ("high",)
    assert opened.take() == (["a.flac"], ["a.flac"])


@pytest.mark.parametrize(
    "options",
    [
        {"model": "m2"},
        {"listen": ListenOptions(full=True)},
        {"listen": ListenOptions(n_windows=2)},
    ],
)
def test_another_model_or_other_windows_are_heard(opened, run, options):
    """Scores belong to a model and to what was listened to; those of before stay."""
    run()
    opened.take()
    run(**options)
    assert opened.take()[0] == NAMES
    run()
    run(**options)
    assert opened.take() == NOTHING


def test_other_ways_to_read_tags_open_files_and_decode_nothing(opened, run):
    """A separator changes what genres a file has, not what is heard of it."""
    run()
    opened.take()
    run(writing=WriteOptions(id3v23_separator="/"))
    assert opened.take() == ([], NAMES)


def test_kept_windows_are_listened_to(opened, run):
    """A timeline needs every window's scores, which are not stored; their mean is."""
    run()
    opened.take()
    listen = ListenOptions(keep_windows=True)
    for _ in range(2):
        assert all(result.timeline is not None for result in run(listen=listen).values())
        assert opened.take()[0] == NAMES
    run(listen=ListenOptions(full=True))
    assert opened.take() == NOTHING


def test_rescan_ignores_what_is_known_and_records_it_anew(folder, opened, run):
    """All is decoded once more, and is known afterwards."""
    run()
    opened.take()
    run(recall=RecallOptions(rescan=True))
    assert opened.take()[0] == NAMES
    run()
    assert opened.take() == NOTHING


def test_silence_is_remembered(folder, opened, run):
    """No scores are a result too."""
    write_tone(folder / "silent.flac", 200, level=1e-6)
    assert run()["silent.flac"].status == "abstained"
    opened.take()
    again = run()["silent.flac"]
    assert (again.status, again.scores) == ("abstained", None)
    assert opened.take() == NOTHING


def test_a_hard_link_that_was_made_since_is_seen(folder, run):
    """It changes neither size nor times of the file."""
    assert run()["a.flac"].status == "proposed"
    (folder / "deep" / "link.flac").hardlink_to(folder / "a.flac")
    assert run()["a.flac"].status == run()["link.flac"].status == "skipped"
    (folder / "deep" / "link.flac").unlink()
    assert run()["a.flac"].status == "proposed"


QUIET = RecallOptions(passing=frozenset({"kept", "unchanged", "abstained"}))


def test_an_unchanged_folder_is_passed_as_a_whole(folder, run):
    """After a scan that wrote, the next one counts folders; any change ends that."""
    run(write=True)
    passed = run.once(write=True, recall=QUIET)
    assert passed == [UnchangedFolder({"kept": 2}), UnchangedFolder({"kept": 1})]
    os.utime(folder / "deep" / "c.wav", ns=(0, 0))
    first, second = run.once(write=True, recall=QUIET)
    assert first == UnchangedFolder({"kept": 2})
    assert (second.path.name, second.status) == ("c.wav", "kept")
    assert run.once(write=True, recall=QUIET)[1] == UnchangedFolder({"kept": 1})
    assert [result.status for result in run.once(policy="replace", recall=QUIET)] == [
        "unchanged"
    ] * 3
    assert all(
        isinstance(item, UnchangedFolder) for item in run.once(policy="replace", recall=QUIET)
    )
    (folder / "b.ogg").unlink()
    assert [item.path.name for item in run.once(policy="replace", recall=QUIET)[:1]] == [
        "a.flac"
    ]


def test_a_folder_with_something_to_say_is_not_passed(folder, run):
    """Proposals and failures are told each time."""
    (folder / "bad.mp3").write_bytes(b"no music" * 50)
    run()
    found = run.once(recall=QUIET)
    assert {result.status for result in found} == {"proposed", "failed"}
    assert len(found) == 4


def test_names_that_are_gone_are_forgotten(tmp_path, folder, run):
    """The state does not grow with every renaming; what was heard stays."""
    run()
    (folder / "a.flac").unlink()
    run()
    store = open_store(tmp_path / "state.db", on_notice=pytest.fail, shared=True)
    with store, store.reading() as connection:
        rows = connection.execute("SELECT name FROM file ORDER BY name").fetchall()
        n_heard = connection.execute("SELECT count(*) FROM result").fetchone()
    assert rows == [(b"b.ogg",), (b"c.wav",)]
    assert n_heard == (3,)


def test_names_that_are_no_text_are_remembered(folder, opened, run):
    """The file system's bytes are what counts."""
    odd = os.fsdecode(b"\xff\xfe.flac")
    (folder / "a.flac").rename(folder / odd)
    run()
    opened.take()
    assert odd in run()
    assert opened.take() == NOTHING


def test_other_fields_are_remembered_as_well(folder, opened, run):
    """What is written beside the genre is read from the state, before and after a change."""
    targets = Targets(second_field="mood", second_labels=frozenset({"low"}))
    first = run(targets=targets)
    assert first["a.flac"].second.values == ("low",)
    opened.take()
    assert run(targets=targets) == first
    written = run(targets=targets, write=True)
    assert {result.status for result in written.values()} == {"written"}
    again = run(targets=targets, write=True)
    plain = scan_files(sorted(folder.rglob("*.*")), tone_engine(), ScanOptions(targets=targets))
    assert again == {item.path.name: item for item in plain}
    assert again["a.flac"].second.previous == ("low",)
    assert opened.take()[0] == NAMES  # by the scan without a memory
    run()
    assert opened.take() == ([], NAMES)


def test_the_day_of_the_writing_changes_no_decision(folder, run):
    """A folder is passed the next day too, though another date would be written."""
    run(write=True, targets=Targets(provenance="model, 2026-11-21"))
    targets = Targets(provenance="model, 2026-11-22")
    assert {type(item) for item in run.once(targets=targets, recall=QUIET)} == {UnchangedFolder}
