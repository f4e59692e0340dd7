import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagger.model.load import Engine
from tagger.reports.report import open_report
from tagger.scan.timeline import Timeline
from tests.chrome import chrome, find_chrome
from tests.synth_results import NASTY, SPEC, nasty_results, results

ENGINE = Engine(Path("synthetic.onnx"), SPEC, "cpu", None, None)
needs_chrome = pytest.mark.skipif(
    find_chrome() is None, reason="no chromium here: apt install chromium"
)


def make_page(path, found, **more):
    with open_report(path, spec=ENGINE.spec) as report:
        for item in found:
            report.add(item, **more)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all tests of this file."""
    with chrome(tmp_path_factory.mktemp("profile")) as page:
        page.size(1440, 900)
        yield page


def lines_of(path):
    text = path.read_text(encoding="utf-8")
    data = re.search(
        r'<script type="application/json" id="data">\n(.*)</script>', text, re.DOTALL
    )
    return [json.loads(line) for line in data[1].splitlines()]


def test_the_page_holds_every_row_and_loads_nothing(tmp_path):
    """One file: rows as lines of JSON, no address of anything outside."""
    page = make_page(tmp_path / "r.html", results(50))
    about, labels, *lines = lines_of(page)
    rows = [line for line in lines if isinstance(line, list)]
    assert about["model"].startswith("synthetic")
    assert labels["labels"] == list(SPEC.labels)
    assert len(rows) == 50
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=|https?://|@import|url\(""", text)


def test_nothing_in_names_and_tags_ends_the_data(tmp_path):
    """Between the element's tags stands no `<`, and every line is JSON."""
    page = make_page(tmp_path / "r.html", nasty_results())
    rows = [line for line in lines_of(page) if isinstance(line, list)]
    assert len(rows) == len(NASTY)
    data = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    assert not set("<>&\u2028\u2029\x1b\u202e") & set(data)


def test_without_an_engine_the_labels_come_from_the_results(tmp_path):
    """A page can be made of results alone."""
    path = tmp_path / "r.html"
    with open_report(path) as report:
        for result in results(20):
            report.add(result)
    assert any("labels" in line for line in lines_of(path) if isinstance(line, dict))


def shown(page):
    return page.run("document.getElementById('count').textContent")


def search(page, text):
    page.run(
        "(() => { const box = document.getElementById('search');"
        f"box.value = {json.dumps(text)}; box.dispatchEvent(new Event('input')); }})()"
    )


@needs_chrome
def test_names_and_tags_are_text_in_the_page(tmp_path, browser):
    """No script of a file name runs, no control character is left, nothing is loaded."""
    path = make_page(tmp_path / "r.html", nasty_results())
    browser.errors.clear()
    browser.requests.clear()
    browser.open(path)
    for at in range(len(NASTY)):
        browser.run(f"document.querySelectorAll('.item')[{at}].click()")
        browser.run("document.querySelector('dialog').close()")
    assert browser.run("document.title") == "tagger report"
    assert (
        browser.run("document.querySelectorAll('main img, main script, main b b').length") == 0
    )
    text = browser.run("document.body.innerText")
    assert "<img src=x" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)
    assert browser.errors == []
    assert browser.requests == [path.as_uri()]


@needs_chrome
def test_keyboard_alone_is_enough(tmp_path, browser):
    """`/` searches, arrows move, Enter opens, Esc closes and then clears."""
    browser.open(make_page(tmp_path / "r.html", results(300)))
    browser.press("/", text="/")
    assert browser.run("document.activeElement.id") == "search"
    browser.type("number 123")
    assert shown(browser) == "1 track"
    browser.press("ArrowDown")
    browser.press("Enter")
    assert "number 123" in browser.run("document.getElementById('detail-title').textContent")
    browser.press("Escape")
    assert browser.run("document.querySelector('dialog').open") is False
    browser.press("Escape")
    assert shown(browser) == "300 tracks"
    browser.press("End")
    assert browser.run("document.querySelector('.item.active').dataset.at") == "299"


@needs_chrome
def test_tiles_folders_and_genres_lead_to_their_tracks(tmp_path, browser):
    """Whatever is clicked shows the rows it counts; sorting orders them."""
    found = list(results(300))
    browser.open(make_page(tmp_path / "r.html", found))
    n_failed = sum(result.status == "failed" for result in found)
    browser.run("document.querySelector('.tile[data-key=failed]').click()")
    assert shown(browser) == f"{n_failed} tracks"
    browser.press("Escape")
    browser.run("document.querySelectorAll('#tabs button')[1].click()")
    assert shown(browser) == "25 folders"
    browser.run("document.querySelector('.item').click()")
    assert shown(browser) == "12 tracks"
    browser.press("Escape")
    browser.run("document.querySelectorAll('#head button')[3].click()")
    scores = browser.run(
        "[...document.querySelectorAll('.item')].sort((a, b) => a.dataset.at - b.dataset.at)"
        ".map(row => row.querySelector('.num')?.textContent || '')"
    )
    assert scores == sorted(scores, reverse=True)
    assert float(scores[0]) > 0.5


@needs_chrome
def test_a_page_of_a_stopped_scan_shows_what_was_done(tmp_path, browser):
    """A torn last line and a missing end are no reason to show nothing."""
    path = make_page(tmp_path / "r.html", results(100))
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.rindex(b"Song number 60") + 5])
    browser.open(path)
    assert shown(browser) == "60 tracks"


@needs_chrome
def test_a_track_that_was_heard_over_time_is_drawn_over_time(tmp_path, browser):
    """The details of a chosen track show a line a label, and say it in words too."""
    scores = np.array([[0.9] * 5 + [0.05] * 5, [0.1] * 5 + [0.3] * 5], dtype=np.float32)
    timeline = Timeline(SPEC.labels, np.array([0.0, 30.0]), scores, 30.0, 60.0)
    mean = dict(zip(SPEC.labels, scores.mean(axis=0).tolist(), strict=True))
    chosen = replace(next(nasty_results()), scores=mean, timeline=timeline, duration_s=60.0)
    browser.errors.clear()
    browser.open(make_page(tmp_path / "r.html", [chosen, *results(3)]))
    browser.run("document.querySelector('.item[data-at=\"0\"]').click()")
    said = browser.run("[...document.querySelectorAll('canvas')].map(one => one.ariaLabel)")
    assert said[0] == "blues over time, at most 0.90"
    assert browser.errors == []


@needs_chrome
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_nothing_is_wider_than_the_window(tmp_path, browser, width, height):
    """On a phone and on a desk the page scrolls in one direction only."""
    browser.size(width, height, phone=width < 500)
    try:
        browser.open(make_page(tmp_path / "r.html", [*nasty_results(), *results(200)]))
        assert browser.run("document.documentElement.scrollWidth") <= width
    finally:
        browser.size(1440, 900)


@needs_chrome
@pytest.mark.slow
def test_a_hundred_thousand_rows_open_and_filter_at_once(tmp_path, browser):
    """Under 3 s of work to open, under 0.2 s to filter, and few rows exist at a time."""
    path = make_page(tmp_path / "r.html", results(100_000))
    opened_s, filter_s = [], []
    browser.open(path)  # the first page of a kind gets a process of its own
    for _ in range(2):
        began_s = browser.processor_s()
        browser.open(path)
        opened_s.append(browser.processor_s() - began_s)
    for text in ("metal", "album 1999", "nothing has this", ""):
        began_s = browser.processor_s()
        search(browser, text)
        filter_s.append(browser.processor_s() - began_s)
    assert shown(browser) == "100,000 tracks"
    browser.run("scrollTo(0, document.documentElement.scrollHeight / 2)")
    browser.run("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert 5 < browser.run("document.querySelectorAll('.item').length") < 60
    assert 0 < min(opened_s) < 3, opened_s
    assert min(filter_s[:2]) < 0.2, filter_s
