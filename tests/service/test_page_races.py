"""The page while answers are under way: keys, clicks and decisions that come meanwhile."""

import time

from tests.service.browser import is_quiet, needs_chrome
from tests.service.six_songs import decided, decisions, fresh, page  # noqa: F401, fixtures


@needs_chrome
def test_fast_keys_decide_each_track_once(fresh):  # noqa: F811, the fixture
    """However fast they are pressed, each key is for the next track; none is passed over."""
    fresh.keys("jaaxa")
    fresh.shows(".item[data-at='3'] .status", "accepted")
    expected = ["accepted", "accepted", "rejected", "accepted", "open", "open"]
    fresh.shows(".item[data-at='2'] .status", "rejected")
    fresh.shows(".item[data-at='1'] .status", "accepted")
    fresh.shows(".item[data-at='0'] .status", "accepted")
    assert decisions(fresh) == expected


HOLD = """
(([method, part]) => {
  const ask = window.fetch, held = {asked: [], n_open: 0};
  const free = new Promise(done => held.free = done);
  window.held = held;
  window.fetch = async (address, options) => {
    const isMeant = options?.method === method && String(address).includes(part);
    if (!isMeant) return ask(address, options);
    const answer = method === 'GET' && await ask(address, options);
    held.asked.push(String(address));
    await free;
    if (!answer) return ask(address, options);
    held.n_open++;
    const taken = () => setTimeout(() => { held.n_open--; });  // after the page has it
    const json = answer.json.bind(answer);
    answer.json = () => json().finally(taken);
    return answer;
  };
})
"""
"""Answers to reads are held back; changes are not even sent until they are let go."""


def hold_back(shown, method, part):
    """What the page asks for so is held back until `window.held.free()`."""
    shown.run(f"{HOLD}([{method!r}, {part!r}])")


@needs_chrome
def test_keys_that_come_before_the_answer_to_the_one_before_count(fresh):  # noqa: F811, the fixture
    """What is decided again while the first decision is under way stays, in its order."""
    hold_back(fresh, "PATCH", "/proposal")
    fresh.keys("jakux")
    fresh.shows(".track h2", "Song 2")
    fresh.wait("window.held.asked.length >= 1")
    fresh.run("window.held.free()")
    decided(fresh, "rejected", "open")
    fresh.shows(".item[data-at='0'] .status", "rejected")
    fresh.keys("kua")  # it is rejected: the first opens it again, the second one accepts it
    decided(fresh, "accepted", "open")
    assert is_quiet(fresh)


@needs_chrome
def test_a_write_waits_for_what_was_decided_before_it(fresh):  # noqa: F811, the fixture
    """Its dialog counts the track whose decision was still under way when it was asked for."""
    fresh.keys("ja")
    fresh.shows("#write", "Write 1 file")
    hold_back(fresh, "PATCH", "/proposal")
    fresh.keys("aw")
    fresh.wait("window.held.asked.length === 1")
    fresh.run("window.held.free()")
    fresh.shows("dialog h2", "Write 2 files?")
    fresh.press("Escape")
    fresh.wait("!document.querySelector('dialog')")


@needs_chrome
def test_an_answer_from_before_a_decision_does_not_take_it_back(fresh):  # noqa: F811, the fixture
    """A slow answer shows the track as it was; the decision that came after it stays."""
    hold_back(fresh, "GET", "/tracks")
    fresh.keys("j")
    fresh.wait("window.held.asked.some(one => /tracks\\/\\d+$/.test(one))")  # the track
    fresh.api("/jobs", {"kind": "look"})
    fresh.wait("window.held.asked.some(one => one.includes('limit=100'))")  # the list
    fresh.keys("e")
    fresh.wait("document.activeElement.getAttribute('role') === 'combobox'")
    fresh.page.type("My Own Genre")
    fresh.press("Enter")
    fresh.press("Enter")
    fresh.shows(".track .status", "accepted")
    fresh.run("window.held.free()")
    fresh.wait("window.held.n_open === 0")
    fresh.wait("document.querySelectorAll('.heat').length === 2")  # the track was asked again
    assert "accepted" in fresh.text(".track .status")
    assert "accepted" in fresh.text(".item[data-at='0'] .status")


@needs_chrome
def test_a_list_that_comes_anew_under_the_pointer_takes_no_click_away(fresh):  # noqa: F811, the fixture
    """What is pressed is what is clicked, whatever arrives before it is let go."""
    shown = "document.querySelector(\".item[data-at='1']\")"
    point = fresh.hold(".item[data-at='1'] .first")
    fresh.run(f"window.pressed = {shown}; window.since = performance.now()")
    fresh.api("/jobs", {"kind": "look"})  # at its end the list is asked for again
    fresh.wait(
        "performance.getEntriesByType('resource').some(one => one.startTime > window.since"
        " && one.name.includes('/tracks?') && one.responseEnd)"
    )
    time.sleep(0.2)
    assert fresh.run(f"window.pressed === {shown}")
    fresh.release(point)
    fresh.shows(".track h2", "Song 2")
    fresh.wait(f"window.pressed !== {shown}")  # what had come is drawn now


@needs_chrome
def test_counts_that_come_anew_under_the_pointer_take_no_click_away(fresh):  # noqa: F811, the fixture
    """A tab is drawn again with its new figure, and not while it is pressed."""
    shown = "document.querySelector(\"#views [data-tab='review']\")"
    fresh.shows("#views [data-tab='review'] .n", "6")
    point = fresh.hold("#views [data-tab='review']")
    fresh.run(f"window.pressed = {shown}; window.since = performance.now()")
    fresh.api("/jobs", {"kind": "look"})  # at its end all is counted again
    fresh.wait(
        "['/statistics', 'decision=rejected'].every(part =>"
        " performance.getEntriesByType('resource').some(one => one.startTime > window.since"
        " && one.name.includes(part) && one.responseEnd))"
    )
    time.sleep(0.2)
    assert fresh.run(f"window.pressed === {shown}")
    fresh.release(point)
    fresh.wait("location.hash.includes('tab=review')")
