"""The whole way in a browser, on both kinds of storage, from an upload to an undo."""

import base64
import io

import mutagen
import pytest

from tests.service.browser import needs_chrome, tab, write_song
from tests.service.conftest import make_options, working
from tests.service.sure_model import save_sure_model

NO_JOB = (
    "fetch('/api/v1/jobs').then(one => one.json())"
    ".then(({items}) => items.every(one => one.finished_at))"
)


def upload(page, songs):
    """Drop files; they are listed without a reload."""
    page.drop(songs)
    page.shows("#uploads", f"{len(songs)} uploaded")
    page.shows("#count", f"{len(songs)} tracks")
    page.drop(songs[:1])
    page.shows("#uploads", "1 was there already")


def scanned(page, n_songs):
    """Uploads are scanned by themselves; the page shows what came of it without a reload."""
    page.wait(NO_JOB)
    page.wait(f"document.querySelectorAll('.item .now').length === {n_songs}")


def listen(page):
    """The sound of the chosen track plays, and goes on where the taggram is clicked."""
    page.wait("document.querySelectorAll('.heat').length === 2")
    page.keys(" ")
    page.wait("document.querySelector('.player button').ariaLabel === 'Pause'")
    page.click(".heat")
    page.wait("parseInt(document.querySelector('[role=slider]').ariaValueNow) >= 1")
    page.keys(" ")


def correct(page):
    """Other genres for the chosen track, typed."""
    page.keys("e")
    page.wait("document.activeElement.getAttribute('role') === 'combobox'")
    for _ in range(5):
        page.press("Backspace")
    for genre in ("Ambient", "Trip-Hop"):
        page.page.type(genre)
        page.press("Enter")
    page.press("Enter")
    page.shows(".track .status", "accepted")


def downloaded(page) -> bytes:
    """The chosen track's file, by the link that the page offers."""
    page.wait("!!document.querySelector('#track a[download]')")
    return base64.b64decode(
        page.run(
            "fetch(document.querySelector('#track a[download]').href)"
            ".then(one => one.arrayBuffer()).then(one =>"
            " btoa(String.fromCharCode(...new Uint8Array(one))))"
        )
    )


def choose(page, title):
    """Open the row with this title."""
    at = page.wait(
        "(one => one && one.dataset.at)([...document.querySelectorAll('.item')]"
        f".find(one => one.innerText.includes('{title}')))"
    )
    page.click(f".item[data-at='{at}'] .first")
    page.shows(".track h2", title)


@needs_chrome
@pytest.mark.slow
def test_from_an_upload_to_an_undo(tmp_path, storage):
    """Upload, scan, listen, correct, accept, write, download, undo: there, and gone again."""
    songs = [
        write_song(tmp_path / f"{i}.flac", 300 + 40 * i, seconds=4, title=f"Song {i}")
        for i in range(2)
    ]
    options = make_options(tmp_path, model=save_sure_model(tmp_path / "sure.onnx"), **storage)
    with tab(options, tmp_path / "profile") as page, working(options):
        page.open()
        page.shows("#grid", "No tracks yet")
        upload(page, songs)
        scanned(page, len(songs))
        choose(page, "Song 0")
        listen(page)
        correct(page)
        choose(page, "Song 1")
        page.click_text("Accept", within="#track")
        page.shows(".track .status", "accepted")
        page.shows("#write", "Write 2 files")
        page.keys("w")
        page.shows("dialog", "Only the genre changes: 2 uploads.")
        page.click_text("Write 2 files", within="dialog")
        page.shows("#toasts", "Write of 2 files: done")
        assert page.api("/tracks?q=Song+1")["items"][0]["genres"] == ["Rock"]
        choose(page, "Song 0")
        page.shows(".track .tags", "Ambient")
        held = mutagen.File(io.BytesIO(downloaded(page)))
        assert (held["genre"], held["title"]) == (["Ambient", "Trip-Hop"], ["Song 0"])
        choose(page, "Song 1")
        assert mutagen.File(io.BytesIO(downloaded(page)))["genre"] == ["Rock"]

        page.click("#nav [data-view='history']")
        page.click_text("Undo", within="#history")
        page.shows("dialog", "2 files will hold again")
        page.click_text("Undo 2 files", within="dialog")
        page.shows("#toasts", "Undo of run 1 (2 files): done")
        page.click("#nav [data-view='tracks']")
        for i, song in enumerate(songs):
            choose(page, f"Song {i}")
            assert downloaded(page) == song.read_bytes()
        assert page.page.errors == []
        assert [one for one in page.page.requests if not one.startswith(page.address)] == []


@needs_chrome
@pytest.mark.slow
def test_a_library_is_corrected_in_place(tmp_path):
    """A write changes the library's own file, and an undo brings its old bytes back."""
    song = write_song(tmp_path / "music" / "Artist" / "a.mp3.flac", 333, title="Song 0")
    before = song.read_bytes()
    options = make_options(tmp_path, folder=tmp_path / "music")
    with tab(options, tmp_path / "profile") as page, working(options):
        page.open()
        page.shows("#count", "1 track")
        choose(page, "Song 0")
        correct(page)
        assert song.read_bytes() == before
        page.shows("#write", "Write 1 file")
        page.click("#write")
        page.shows("dialog", "1 in the library, changed in place")
        page.click_text("Write 1 file", within="dialog")
        page.shows("#toasts", "Write of 1 file: done")
        assert mutagen.File(song)["genre"] == ["Ambient", "Trip-Hop"]
        page.click_text("Undo", within="#toasts")
        page.click_text("Undo 1 file", within="dialog")
        page.shows("#toasts", "Undo of run 1 (1 file): done")
        assert song.read_bytes() == before
        assert page.page.errors == []
