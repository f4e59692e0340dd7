"""Programs that change a file between two steps of a scan: neither is taken for the other."""

import itertools
import shutil

import pytest
from mutagen.flac import FLAC

from tagger.audio.process_client import DecodeProcess
from tagger.journal.run import write_unrecorded
from tagger.library.walk import find_folders
from tagger.scan.options import ScanOptions
from tagger.state import open_store
from tagger.tags import read_tags
from tagger.writing.safe_write import plan_write
from tests.engines import tone_engine
from tests.repeated_scans import scan_with
from tests.tones import write_tone


@pytest.fixture
def other_music(tmp_path, monkeypatch):
    """Called with a number, puts other music in the place of a.flac so often as it is heard."""
    low, high = (write_tone(tmp_path / f"{hz}.flac", hz) for hz in (200, 3000))

    def come(n_times):
        new = itertools.islice(itertools.cycle([high, low]), n_times)
        listen = DecodeProcess.listen

        def listen_to(process, path, requested):
            heard = listen(process, path, requested)
            if path.name == "a.flac" and (other := next(new, None)):
                shutil.copy(other, path.with_suffix(".new"))
                path.with_suffix(".new").replace(path)
            return heard

        monkeypatch.setattr(DecodeProcess, "listen", listen_to)

    return come


def test_music_that_came_while_a_file_was_heard_gets_its_own_genre(
    folder, opened, run, other_music
):
    """Not that of the music that lay there before."""
    other_music(1)
    found = run(write=True)
    assert (found["a.flac"].status, found["a.flac"].genres) == ("written", ("high",))
    assert read_tags(folder / "a.flac").genres == ("high",)
    assert opened.take()[0].count("a.flac") == 2
    assert (found["b.ogg"].status, found["b.ogg"].genres) == ("written", ("high",))


@pytest.mark.parametrize("is_known", [False, True])
def test_music_that_came_just_before_a_file_is_written_gets_its_own_genre(
    tmp_path, folder, run, monkeypatch, is_known
):
    """The genre was chosen by then, from its sound or from what is stored of it."""
    other, path = write_tone(tmp_path / "other.flac", 3000), folder / "a.flac"
    if is_known:
        assert run()["a.flac"].genres == ("low",)

    def plan(request):
        if request.path == path and other.exists():
            other.replace(path)
        return plan_write(request)

    monkeypatch.setattr("tagger.journal.run.plan_write", plan)
    found = run(write=True)
    assert not other.exists()
    assert (found["a.flac"].status, found["a.flac"].genres) == ("written", ("high",))


def test_a_file_that_is_replaced_whenever_it_is_heard_fails_with_the_reason(
    folder, run, other_music
):
    """It holds what that program gave it, and the next scan hears it."""
    other_music(2)
    found = run(write=True)
    assert (found["a.flac"].status, found["a.flac"].genres) == ("failed", ())
    assert "changed by another program since it was listened to" in found["a.flac"].reason
    assert read_tags(folder / "a.flac").genres == ()
    assert run(write=True)["a.flac"].genres == ("low",)


def test_what_was_heard_of_a_file_that_changed_is_told_and_not_remembered(
    opened, run, other_music
):
    """Who writes nothing need not wait for a second look."""
    other_music(1)
    assert run()["a.flac"].status == "proposed"
    assert opened.take()[0].count("a.flac") == 1
    run()
    assert opened.take()[0] == ["a.flac"]
    run()
    assert opened.take()[0] == []


def test_what_another_program_makes_of_a_file_after_us_is_not_ours(tmp_path, folder, run):
    """A genre that it takes away at once is missing at the next scan, not `kept`."""

    def take_away(requests):
        for request, outcome in zip(requests, write_unrecorded(requests), strict=True):
            if request.path.name == "a.flac":
                tags = FLAC(request.path)
                del tags["genre"]
                tags.save()
            yield outcome

    options = ScanOptions(write=True)
    with open_store(tmp_path / "state.db", on_notice=pytest.fail) as store:
        listings = find_folders([folder])
        found = list(scan_with(store, listings, tone_engine(), options, writer=take_away))
    assert {result.status for result in found} == {"written"}
    again = run(write=True)
    assert (again["a.flac"].status, again["b.ogg"].status) == ("written", "kept")
    assert read_tags(folder / "a.flac").genres == ("low",)
