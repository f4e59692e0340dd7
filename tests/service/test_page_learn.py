"""The page's button that learns the owner's genres, and the table behind it."""

import pytest

from tests.learning.conftest import GENRES, models, music, write_genre  # noqa: F401, fixtures
from tests.service.browser import is_quiet, needs_chrome, tab
from tests.service.conftest import make_options, working

pytestmark = pytest.mark.slow


@needs_chrome
def test_one_button_learns_and_the_table_says_how_well(tmp_path, models, music):  # noqa: F811
    """From the button over the table and a track that looks wrong to the next scan."""
    (odd,) = write_genre(
        music, "Krautrock", n_artists=1, n_tracks=1, tags=("Schlager",), seed=7
    )
    odd.rename(odd.with_name("odd.flac"))
    write_genre(music, "Krautrock", n_artists=1)
    options = make_options(tmp_path, folder=music, model="base")
    with tab(options, tmp_path / "profile") as page, working(options):
        page.open()
        page.shows("#count", "31 tracks")
        page.click("#nav [data-view='learn']")
        page.click("#learn-genres")
        page.shows("dialog", "Tracks that a genre needs")
        assert page.violations() == []
        page.click("dialog .strong")
        page.wait("document.querySelectorAll('.lesson tbody tr').length === 3")
        for genre in GENRES:
            page.shows(".lesson tbody", genre)
        page.shows("#learn", "by 15 artists")
        page.shows("#toasts", "done")
        for size, more in (((1440, 900), {"dark": True}), ((390, 844), {"phone": True})):
            page.page.size(*size, **more)
            assert page.violations() == []
            assert page.run("document.documentElement.scrollWidth <= innerWidth")
        page.page.size(1440, 900)
        page.keys("a")  # a key of the list does nothing here
        page.run(
            "(one => { one.value = 'learned'; one.dispatchEvent(new Event('change')); })"
            "(document.querySelector('.lesson-intro select'))"
        )
        page.shows(".in-use", "scans use it")
        page.click_text("Scan all again", within="#toasts")
        page.click("dialog .strong")
        page.shows("#toasts", "Scan of 31 tracks: done")
        page.click(".examples button.name")
        page.shows(".track h2", "odd")
        assert page.api("/tracks?decision=accepted")["total"] == 0
        assert page.api("/tracks/1")["model"].startswith("learned ")
        assert is_quiet(page)
