"""Six songs at a browser, all with proposals: what the tests of the page begin with."""

import pytest

from tests.service.browser import Tab, tab, write_song
from tests.service.conftest import make_options, wait_for, working
from tests.service.sure_model import save_sure_model

N_SONGS = 6
ALL = {"score_all": True, "policy": "replace"}
"""Options of a scan after which each song has a proposal."""

OPEN = {"action": "reset", "filter": {}}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A library of six songs, all with proposals, at a browser."""
    place = tmp_path_factory.mktemp("page")
    for i in range(N_SONGS):
        write_song(
            place / "music" / f"Artist {i % 2}" / "Album" / f"{i} song.flac", 250 + 9 * i,
            title=f"Song {i}", artist=f"Artist {i % 2}", album="Album", cover=i == 0,
            **({"genre": ["Old Genre"]} if i % 2 else {}),
        )  # fmt: skip
    options = make_options(
        place, folder=place / "music", model=save_sure_model(place / "sure.onnx")
    )
    with tab(options, place / "profile") as page, working(options):
        page.open()
        page.shows("#count", f"{N_SONGS} tracks")
        page.wait(  # the look, and the scan of what is new
            "fetch('/api/v1/jobs').then(one => one.json()).then(({items}) =>"
            " items.length === 2 && items.every(one => one.finished_at))"
        )
        page.api("/jobs", {"kind": "scan", "options": ALL})
        page.wait(
            "fetch('/api/v1/tracks?status=proposed').then(one => one.json())"
            f".then(one => one.total === {N_SONGS})"
        )
        yield page


@pytest.fixture
def fresh(page) -> Tab:
    """The same with every proposal open, on a desktop by day."""
    page.api("/proposals", OPEN)
    page.page.size(1440, 900)
    page.open()
    page.wait("document.querySelectorAll('.item .now').length >= 6")
    return page


def decisions(page):
    return [one["decision"] for one in page.api("/tracks?sort=folder")["items"]]


def decided(page, *expected):
    """Wait until the first tracks are decided so: a key is answered before the service is."""
    wait_for(
        lambda: tuple(decisions(page)[: len(expected)]) == expected,
        about=lambda: f"the decisions are {decisions(page)}, and should begin with {expected}",
    )
