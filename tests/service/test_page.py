"""The page: by mouse, by keyboard, by screen reader; light and dark; phone and desktop."""

import pytest

from tests.service.browser import is_quiet, needs_chrome, write_song
from tests.service.six_songs import (  # noqa: F401, fixtures
    N_SONGS,
    decided,
    decisions,
    fresh,
    page,
)


@needs_chrome
def test_the_keyboard_is_enough(fresh):  # noqa: F811, the fixture
    """Each verb has its key: next, accept, reject, open again, edit, search."""
    fresh.keys("ja")
    fresh.shows(".track h2", "Song 2")
    fresh.keys("x")
    fresh.shows(".track h2", "Song 4")
    decided(fresh, "accepted", "rejected", "open")
    fresh.keys("k")
    fresh.shows(".track h2", "Song 2")
    fresh.keys("u")
    fresh.shows(".track .status", "to review")
    fresh.keys("e")
    fresh.wait("document.activeElement.getAttribute('role') === 'combobox'")
    for _ in range(5):
        fresh.press("Backspace")
    fresh.page.type("old")
    fresh.shows(".editor .options", "Old Genre")  # the library's own, completed
    fresh.press("Enter")
    fresh.page.type("My Own Genre")
    fresh.press("Enter")
    fresh.press("Enter")
    fresh.shows(".track .status", "accepted")
    row = fresh.api("/tracks?sort=folder")["items"][1]
    assert (row["proposed"], row["is_edited"]) == (["Old Genre", "My Own Genre"], True)
    fresh.keys("/")
    assert fresh.run("document.activeElement.id") == "search"
    fresh.page.type("song 5")
    fresh.shows("#count", "1 track")
    fresh.press("Escape")
    fresh.press("Escape")
    fresh.shows("#count", "6 tracks")
    assert is_quiet(fresh)


@needs_chrome
def test_space_plays_and_arrows_seek(fresh):  # noqa: F811, the fixture
    """The audio comes in ranges; a click into the taggram goes there; the clock follows."""
    fresh.keys("j")
    fresh.wait("document.querySelectorAll('.heat').length === 2")
    fresh.keys(" ")
    fresh.wait("document.querySelector('.player button').ariaLabel === 'Pause'")
    fresh.keys(" ")
    fresh.wait("document.querySelector('.player button').ariaLabel === 'Play'")
    fresh.click(".heat")
    fresh.wait("document.querySelector('[role=slider]').ariaValueText.startsWith('0:01')")
    fresh.press("ArrowLeft")
    fresh.wait("document.querySelector('[role=slider]').ariaValueText.startsWith('0:00')")
    assert is_quiet(fresh)


@needs_chrome
def test_the_mouse_is_enough(fresh):  # noqa: F811, the fixture
    """A click opens, marks in the row accept and reject, a folder and a tab filter."""
    fresh.click(".item[data-at='1'] .verbs button:nth-child(2)")
    fresh.shows(".item[data-at='1'] .status", "rejected")
    decided(fresh, "open", "rejected", "open")
    fresh.click(".item[data-at='1'] .first")
    fresh.shows(".track h2", "Song 2")
    fresh.click("[data-path='Artist 1/'] [data-role='open']")
    fresh.shows("#count", "3 tracks")
    assert "folder=Artist" in fresh.run("location.hash")
    fresh.click("#chips .chip")
    fresh.shows("#count", "6 tracks")
    fresh.click("#views [data-tab='rejected']")
    fresh.shows("#count", "1 track")
    fresh.run("history.back()")
    fresh.shows("#count", "6 tracks")
    assert is_quiet(fresh)


@needs_chrome
def test_all_of_a_filter_is_counted_before_it_happens(fresh):  # noqa: F811, the fixture
    """The dialog says how many; nothing changes before the answer, and exactly these after."""
    fresh.click("[data-path='Artist 1/'] [data-role='open']")
    fresh.shows("#count", "3 tracks")
    fresh.click("#bulk")
    fresh.click_text("Accept", within="dialog")
    fresh.shows("dialog h2", "Accept 3?")
    assert decisions(fresh) == ["open"] * 6
    fresh.click_text("Accept 3", within="dialog")
    fresh.shows("#toasts", "3 tracks accepted")
    assert decisions(fresh) == ["open"] * 3 + ["accepted"] * 3
    fresh.shows("#write", "Write 3 files")
    fresh.click("#write")
    fresh.shows("dialog h2", "Write 3 files?")
    fresh.shows("dialog", "3 in the library, changed in place")
    fresh.shows("dialog .examples", "Old Genre →")
    fresh.press("Escape")
    fresh.wait("!document.querySelector('dialog')")
    assert fresh.api("/runs")["items"] == []
    assert is_quiet(fresh)


VIEWS = ("#/tracks", "#/statistics", "#/history")
SHOWN = "!!document.querySelector('main > :not([hidden]) :is(.item, .card)')"


@needs_chrome
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1600], ids=["phone", "desktop"])
def test_axe_finds_nothing(fresh, dark, width):  # noqa: F811, the fixture
    """Names, roles, contrast: in each view, with a track, its editor, a menu and a dialog."""
    fresh.page.size(width, 900, dark=dark, phone=width < 1000)
    found = []
    for view in VIEWS:
        fresh.run(f"location.hash = {view!r}")
        fresh.wait(SHOWN)
        found += fresh.violations()
    fresh.run("location.hash = '#/tracks'")
    fresh.click("#more")
    fresh.click(".item[data-at='0'] .first")
    fresh.wait("document.querySelectorAll('.heat').length === 2")
    found += fresh.violations()
    fresh.keys("e")
    fresh.page.type("r")
    fresh.wait("!!document.querySelector('.options li')")
    found += fresh.violations()
    fresh.press("Escape")
    fresh.press("Escape")
    fresh.press("Escape")
    fresh.click("#bulk")
    fresh.wait("!!document.querySelector('dialog[open]')")
    found += fresh.violations()
    assert found == []


@needs_chrome
@pytest.mark.parametrize(
    ("width", "height"), [(360, 640), (820, 1180), (1280, 720), (3840, 2160)]
)
def test_nothing_is_wider_than_the_screen(fresh, width, height):  # noqa: F811, the fixture
    """From a phone to 4K no view scrolls sideways, and the verbs are on the screen."""
    fresh.keys("jax")
    decided(fresh, "accepted", "rejected")
    fresh.page.size(width, height, phone=width < 500)
    for view in VIEWS:
        fresh.run(f"location.hash = {view!r}")
        fresh.wait(SHOWN)
        assert fresh.run("document.documentElement.scrollWidth") <= width, view
        assert fresh.run("document.documentElement.scrollHeight") <= height, view
    fresh.run("location.hash = '#/tracks'")
    fresh.click(".item[data-at='0'] .first")
    fresh.wait("!!document.querySelector('.verbs-bar button')")
    box = fresh.run(
        "(one => [one.left, one.right, one.bottom])"
        "(document.querySelector('.verbs-bar button').getBoundingClientRect())"
    )
    assert box[0] >= 0
    assert box[1] <= width
    assert box[2] <= height


@needs_chrome
def test_a_track_covers_the_list_on_a_phone(fresh):  # noqa: F811, the fixture
    """It opens on a tap, what is under it is out of reach, and closing brings the list back."""
    fresh.page.size(390, 844, phone=True)
    fresh.keys("j")
    assert fresh.run("getComputedStyle(document.getElementById('track')).display") == "none"
    fresh.click(".item[data-at='2'] .first")
    fresh.wait("getComputedStyle(document.getElementById('track')).display !== 'none'")
    assert fresh.run("document.querySelector('.list').inert") is True
    fresh.click("#track [aria-label='Close the track']")
    fresh.wait("getComputedStyle(document.getElementById('track')).display === 'none'")
    assert fresh.run("document.querySelector('.list').inert") is False
    assert is_quiet(fresh)


HOSTILE = "<img src=x onerror=document.title='pwned'> \u202e & \"quoted\""


@needs_chrome
def test_names_are_text(fresh, tmp_path):  # noqa: F811, the fixture
    """A title that is HTML is shown as it is, everywhere; no script of it runs."""
    song = write_song(tmp_path / "hostile.flac", 400, title=HOSTILE, artist="<b>bold</b>")
    fresh.drop([song])
    fresh.shows("#uploads", "uploaded")
    fresh.run("location.hash = '#/tracks?source=upload'")
    fresh.shows("#count", "1 track")
    fresh.wait("![...document.querySelectorAll('.item .status')].some(one => one.innerText"
               ".includes('not scanned'))")  # fmt: skip
    fresh.click(".item[data-at='0'] .first")
    fresh.shows(".track h2", "<img src=x")
    fresh.wait("document.querySelectorAll('.heat').length === 2")
    assert fresh.run("document.querySelectorAll('.item b, .item img, h2 img').length") == 0
    assert fresh.run("document.title") == "tagger"
    row = fresh.api("/tracks?source=upload")["items"][0]
    fresh.click_text("Delete", within="#track")
    fresh.click_text("Delete", within="dialog")
    fresh.shows("#count", "0 tracks")
    assert fresh.api(f"/tracks/{row['id']}")["status"] == 404


@needs_chrome
def test_what_is_no_audio_is_refused_with_its_remedy(fresh, tmp_path):  # noqa: F811, the fixture
    """By its name before it is sent, by its content after; the list says why."""
    text, fake = tmp_path / "notes.txt", tmp_path / "fake.mp3"
    text.write_text("no music")
    fake.write_text("no music either")
    fresh.drop([text, fake])
    fresh.shows("#uploads", "2 refused")
    assert "no audio file by its name" in fresh.text("#uploads")
    assert fresh.api("/tracks")["total"] == N_SONGS
