import hashlib
import shutil
import threading

import pytest

from tagger.errors import ChangedError
from tagger.genres.rules import GenreRules
from tagger.journal.run import write_unrecorded
from tagger.scan.options import ScanOptions
from tagger.scan.scan import scan_files
from tagger.tags import read_tags
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.engines import tone_engine
from tests.tones import write_tone


def digest(folder):
    """What stands on the disk below a folder: names, bytes and times."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def folder(tmp_path):
    """Three tones in three containers."""
    write_tone(tmp_path / "music" / "a.flac", 200)
    write_tone(tmp_path / "music" / "b.ogg", 3000)
    write_tone(tmp_path / "music" / "c.wav", 200)
    return tmp_path / "music"


def test_an_option_that_is_asked_for_later_is_carried_out(folder):
    """'Unchanged' is what holds all that was asked for; `fill` asks for nothing more."""
    run(folder, write=True, policy="replace")
    info = WriteOptions(wav_info=True)
    assert run(folder, write=True, writing=info)["c.wav"].status == "kept"
    result = run(folder, write=True, policy="replace", writing=info)["c.wav"]
    assert (result.status, result.genres, result.previous) == ("written", ("low",), ("low",))
    assert b"IGNR\x04\0\0\0low\0" in (folder / "c.wav").read_bytes()
    assert (
        run(folder, write=True, policy="replace", writing=info)["c.wav"].status == "unchanged"
    )


PLACEHOLDERS = ("Unknown", "<unknown>", "OTHER", "none ", "genre", "255")


def run(folder, engine=None, **options):
    results = scan_files(
        sorted(folder.iterdir()), engine or tone_engine(), ScanOptions(**options)
    )
    return {result.path.name: result for result in results}


def test_a_scan_proposes_and_changes_no_byte(folder):
    """Without `write`, nothing on disk changes, not even a time."""
    before = digest(folder)
    results = run(folder)
    assert {name: result.genres for name, result in results.items()} == {
        "a.flac": ("low",),
        "b.ogg": ("high",),
        "c.wav": ("low",),
    }
    assert {result.status for result in results.values()} == {"proposed"}
    assert digest(folder) == before


def test_what_is_written_is_what_was_proposed(folder):
    """With `write`, the files hold the genres, and nothing else is in the folder."""
    names = {path.name for path in folder.iterdir()}
    results = run(folder, write=True)
    assert {result.status for result in results.values()} == {"written"}
    for path in folder.iterdir():
        assert read_tags(path).genres == results[path.name].genres
    assert {path.name for path in folder.iterdir()} == names


def test_fill_keeps_what_has_a_genre_without_listening(folder):
    """A second scan touches nothing and decodes nothing."""
    run(folder, write=True)
    before = digest(folder)
    engine = tone_engine()
    results = run(folder, engine, write=True)
    assert {result.status for result in results.values()} == {"kept"}
    assert {result.scores for result in results.values()} == {None}
    assert engine.session.batches == []
    assert digest(folder) == before


def test_score_all_listens_to_kept_tracks_too(folder):
    """The genre is kept, and the scores are told."""
    run(folder, write=True)
    results = run(folder, score_all=True)
    assert {result.status for result in results.values()} == {"kept"}
    assert all(result.scores for result in results.values())


@pytest.mark.parametrize("policy", ["append", "replace"])
def test_writing_twice_changes_nothing(folder, policy):
    """Once the genres are there, the same scan leaves every byte alone."""
    run(folder, write=True, policy=policy)
    before = digest(folder)
    results = run(folder, write=True, policy=policy)
    assert {result.status for result in results.values()} == {"unchanged"}
    assert digest(folder) == before


def test_a_track_under_its_threshold_is_left_alone(folder):
    """Not being sure is a result with a reason, and the file stays as it is."""
    before = digest(folder)
    results = run(folder, write=True, threshold=1.0)
    assert {result.status for result in results.values()} == {"abstained"}
    assert all("sure" in result.reason for result in results.values())
    assert digest(folder) == before


def test_silence_is_abstained(tmp_path):
    """A track of nothing but silence gets no genre and no scores."""
    write_tone(tmp_path / "m" / "silent.flac", 200, level=1e-6)
    result = run(tmp_path / "m")["silent.flac"]
    assert (result.status, result.scores) == ("abstained", None)
    assert "silent" in result.reason


def test_a_container_without_tags_is_skipped_but_heard(tmp_path):
    """What cannot carry a genre is left alone on purpose; its scores are told."""
    write_tone(tmp_path / "m" / "a.au", 200)
    result = run(tmp_path / "m", write=True)["a.au"]
    assert result.status == "skipped"
    assert result.scores
    assert result.reason


def test_a_hard_link_is_skipped_before_and_while_writing(folder):
    """A proposal says the same as the write would do."""
    (folder / "link.flac").hardlink_to(folder / "a.flac")
    for write in (False, True):
        results = run(folder, write=write)
        assert results["a.flac"].status == results["link.flac"].status == "skipped"
        assert "link" in results["a.flac"].reason


def test_hard_links_can_be_broken_on_request(folder):
    """The user may say that renaming is fine."""
    (folder / "link.flac").hardlink_to(folder / "a.flac")
    results = run(folder, write=True, writing=WriteOptions(hardlinks="write"))
    assert results["a.flac"].status == "written"


def test_a_bad_file_fails_alone(folder):
    """Its reason names the file; all others are written."""
    (folder / "broken.mp3").write_text("this is no music")
    results = run(folder, write=True)
    assert results["broken.mp3"].status == "failed"
    assert str(folder / "broken.mp3") in results["broken.mp3"].reason
    assert sum(result.status == "written" for result in results.values()) == 3


def test_stopping_finishes_the_file_being_written_and_reports_it(tmp_path):
    """After the event is set every file is whole: old, or new and reported as written."""
    folder = tmp_path / "music"
    original = write_tone(folder / "000.flac", 200)
    for i in range(1, 60):
        shutil.copy(original, folder / f"{i:03d}.flac")
    stop = threading.Event()
    written = set()
    paths = sorted(folder.iterdir())
    for result in scan_files(paths, tone_engine(), ScanOptions(write=True), stop=stop):
        if result.status == "written":
            written.add(result.path)
            stop.set()
    assert 0 < len(written) < 60
    assert {path for path in paths if read_tags(path).genres} == written


@pytest.mark.parametrize("policy", ["fill", "append", "replace"])
@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_is_no_genre_that_fill_would_keep(folder, policy, placeholder):
    """It is told, and gives way to what is heard; `append` keeps it, since it stands there."""
    (name,) = (path.name for path in folder.iterdir() if path.suffix == ".flac")
    write_genres(folder / name, [placeholder])
    result = run(folder, policy=policy, write=True)[name]
    assert result.previous == (placeholder,)
    assert result.status == "written"
    assert result.genres == ((placeholder, "low") if policy == "append" else ("low",))
    assert read_tags(folder / name).genres == result.genres


def test_a_genre_beside_a_placeholder_is_one(folder):
    """`fill` keeps a file that names a genre, whatever else stands there."""
    write_genres(folder / "a.flac", ["Unknown", "Ska"])
    assert run(folder)["a.flac"].status == "kept"


def test_hearing_nothing_leaves_a_placeholder(folder):
    """A model that abstains never empties a tag."""
    write_genres(folder / "a.flac", ["Unknown"])
    result = run(folder, threshold=1.0, write=True)["a.flac"]
    assert (result.status, result.genres) == ("abstained", ("Unknown",))
    assert read_tags(folder / "a.flac").genres == ("Unknown",)


def test_a_protected_placeholder_is_a_genre(folder):
    """What the owner protects is never written over."""
    write_genres(folder / "a.flac", ["Other"])
    rules = GenreRules(protected=frozenset({"other"}))
    assert run(folder, rules=rules)["a.flac"].status == "kept"


@pytest.mark.parametrize("policy", ["fill", "append", "replace"])
def test_a_file_with_two_names_is_written_once(folder, policy):
    """Through a link and by its own name, in one scan: the second finds it done."""
    target = next(path for path in sorted(folder.iterdir()) if not read_tags(path).genres)
    link = folder / "link.flac"
    link.symlink_to(target)
    paths = [link, target]
    found = list(scan_files(paths, tone_engine(), ScanOptions(write=True, policy=policy)))
    assert sorted(result.status for result in found) in (
        ["unchanged", "written"],
        ["kept", "written"],
    )
    assert link.is_symlink()
    assert len(read_tags(target).genres) == 1


def test_a_genre_that_somebody_writes_meanwhile_is_left(folder):
    """Between scoring and writing the owner has typed a genre: it is not overwritten.

    The write is refused, and the file, looked at once more, keeps what was typed.
    """
    paths = [path for path in sorted(folder.iterdir()) if not read_tags(path).genres]
    refused = []

    def typed_in_between(requests):
        for request in requests:
            write_genres(request.path, ["Typed"])
        for outcome in write_unrecorded(requests):
            refused.append(outcome)
            yield outcome

    options = ScanOptions(write=True)
    results = list(scan_files(paths, tone_engine(), options, writer=typed_in_between))
    assert len(refused) == len(paths)
    assert all(isinstance(item, ChangedError) for item in refused)
    assert all("changed by another program" in str(item) for item in refused)
    assert sorted((result.path, result.status) for result in results) == [
        (path, "kept") for path in paths
    ]
    assert {(result.previous, result.genres) for result in results} == {
        (("Typed",), ("Typed",))
    }
    assert {read_tags(path).genres for path in paths} == {("Typed",)}


def test_a_file_that_somebody_changes_again_and_again_fails(folder):
    """What is refused twice is a failure that says so, and the file is left as it is."""
    paths = [path for path in sorted(folder.iterdir()) if not read_tags(path).genres]

    def typed_each_time(requests):
        for request in requests:
            is_first = not read_tags(request.path).genres
            write_genres(request.path, ["Typed"] if is_first else ["Retyped"])
        yield from write_unrecorded(requests)

    options = ScanOptions(write=True, policy="replace")
    results = list(scan_files(paths, tone_engine(), options, writer=typed_each_time))
    assert sorted((result.path, result.status) for result in results) == [
        (path, "failed") for path in paths
    ]
    assert all("changed by another program" in result.reason for result in results)
    assert {read_tags(path).genres for path in paths} == {("Retyped",)}
