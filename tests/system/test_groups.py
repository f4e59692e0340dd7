"""Items a few at a time."""

from tagger.system.groups import distinct_groups


def test_a_group_ends_when_it_is_full_or_a_key_comes_again():
    """Order and items stay; what comes again begins the next group."""
    found = distinct_groups("aAbcdeE", at_most=3, key=str.lower)
    assert list(map("".join, found)) == ["a", "Abc", "de", "E"]
    assert list(distinct_groups("", at_most=3, key=str.lower)) == []
