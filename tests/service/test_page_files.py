"""The page's files: one design with the report, no module late, nothing from elsewhere."""

import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "tagger" / "service" / "web"
REPORT = Path(__file__).parents[2] / "tagger" / "reports" / "page" / "page.css"


def tokens_of(text, start):
    """The custom properties of the first block that begins so."""
    block = text[text.index(start) :].partition("}")[0]
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]+)", block))


def test_the_page_is_one_design_with_the_report():
    """Each colour that both name is the same, by day and by night."""
    ours, report = (WEB / "base.css").read_text(), REPORT.read_text()
    for start in (":root {", "@media (prefers-color-scheme: dark)", ':root[data-theme="dark"]'):
        wanted, have = tokens_of(report, start), tokens_of(ours, start)
        assert len(wanted) > 10
        assert {name: have.get(name) for name in wanted} == wanted


def test_every_module_is_loaded_at_once():
    """No module waits for another one to name it; none is named that is not there."""
    page = (WEB / "index.html").read_text()
    named = set(re.findall(r'"/assets/(\w+\.js)"', page))
    assert named == {one.name for one in WEB.glob("*.js")}
    imported = {
        one
        for path in WEB.glob("*.js")
        for one in re.findall(r'from "/assets/(\w+\.js)"', path.read_text())
    }
    assert imported <= named


def test_nothing_in_the_page_is_inline_or_from_elsewhere():
    """No script or style in the HTML, no address of another server, no text set as HTML."""
    page = (WEB / "index.html").read_text()
    assert not re.search(r"<style|style=|\son\w+=|<script(?! type=\"module\" src=)", page)
    for path in [*WEB.glob("*.js"), *WEB.glob("*.css"), WEB / "index.html"]:
        text = path.read_text()
        assert not re.search(r"https?://|@import|innerHTML|insertAdjacent|\beval\b", text), path
