import json
import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.text import counted, json_text, sanitise, text_of


@given(st.text(st.characters(), max_size=50))
def test_nothing_that_a_terminal_obeys_is_left(text):
    """No control, format-direction or surrogate character survives, and nothing gets lost."""
    shown = sanitise(text)
    assert len(shown) == len(text)
    assert sanitise(shown) == shown
    assert not {unicodedata.category(item) for item in shown} & {"Cc", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")


@given(st.binary(max_size=50))
def test_names_that_are_no_text_can_be_carried(name):
    """Bytes that are no UTF-8 become numbers, in a path and in a sentence that names it."""
    expected = name.decode("utf-8", errors="backslashreplace")
    assert text_of(os.fsdecode(name)) == expected
    assert text_of(f"{os.fsdecode(name)}: it is gone") == f"{expected}: it is gone"


@pytest.mark.parametrize(("n", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_a_number_has_the_word_that_goes_with_it(n, said):
    """One is singular, none and many are plural."""
    assert counted(n, "file", "files") == said


def test_ordinary_text_stays_as_it_is():
    """Letters of any script, emoji with joiners and brackets are text."""
    text = "Für Elise [live] 日本語 👩‍👧 <b>"
    assert sanitise(text) == text


def test_an_escape_sequence_is_shown_as_text():
    """A title that would recolour the terminal is read instead."""
    assert sanitise("a\x1b[31mb\u202ec\n") == "a␛[31mb�c␊"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_json_is_harmless_and_says_the_same(text):
    """A program reads back every character, a terminal obeys none."""
    shown = json_text({"name": text})
    assert sanitise(shown) == shown
    assert json.loads(shown) == {"name": text}
