"""The examples of docs/python.md do what the page shows."""

import doctest
import importlib.util
import re
from pathlib import Path

import pytest

from tests.tones import write_chords

PAGE = Path(__file__).parent.parent / "docs" / "python.md"
BLOCK = re.compile(r"^```pycon ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    """The examples, with the package that each needs beyond ours."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    """In their order, in one session; those of a package that is not here are left out."""
    write_chords(tmp_path / "song.flac", 262, seconds=12)
    write_chords(tmp_path / "Music" / "a.flac", 330, seconds=4)
    write_chords(tmp_path / "Music" / "b.flac", 440, seconds=5)
    (tmp_path / "config.toml").write_text("")
    monkeypatch.setenv("TAGGER_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    text = "\n".join(
        code for needs, code in blocks() if not needs or importlib.util.find_spec(needs)
    )
    examples = doctest.DocTestParser().get_doctest(text, {}, "python.md", str(PAGE), 0)
    assert len(examples.examples) >= 20
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    said = []
    runner.run(examples, out=said.append)
    assert runner.failures == 0, "".join(said)


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_data_frames_are_on_the_page(name):
    """Each has a block of its own, so that it can be left out where it is not installed."""
    assert [code for needs, code in blocks() if needs == name]
