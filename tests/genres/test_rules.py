import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.genres.rules import (
    GenreRules,
    ancestors,
    canonical,
    chosen_names,
    fold,
    general_of,
    may_write,
    merged,
    read_apart,
    spelling_key,
    title_case,
    unique,
)

NAMES = st.sampled_from(
    ["rock", "Metal", "death metal", "jazz", "POP", "Hip-Hop", "rap", "r&b"]
)
LISTS = st.lists(NAMES, max_size=5)
FOLDED = NAMES.map(fold)
RULES = st.builds(
    GenreRules,
    aliases=st.dictionaries(FOLDED, NAMES, max_size=4),
    tree=st.dictionaries(FOLDED, LISTS.map(tuple), max_size=6),
    allow=st.none() | st.frozensets(FOLDED),
    block=st.frozensets(FOLDED, max_size=3),
    protected=st.frozensets(FOLDED, max_size=3),
    spellings=st.dictionaries(FOLDED, NAMES, max_size=0),
    tree_level=st.sampled_from(["specific", "general", "both"]),
    letter_case=st.sampled_from(["model", "title"]),
    separators=st.sampled_from([(), ("; ",), ("/", ";")]),
)
POLICIES = st.sampled_from(["fill", "append", "replace"])
METAL = GenreRules(
    tree={"death metal": ("Metal", "Extreme"), "metal": ("Rock",), "extreme": ("Rock",)}
)


@given(LISTS, RULES, st.integers(1, 4))
def test_what_is_written_is_allowed_unique_and_limited(heard, rules, limit):
    """Whatever the rules, circles included: no duplicate, nothing forbidden, not too many."""
    names = chosen_names(heard, rules, limit=limit)
    assert len(names) <= limit
    assert len({fold(name) for name in names}) == len(names)
    assert all(may_write(name, rules) for name in names)


@given(LISTS, RULES)
def test_both_is_the_specific_and_the_general_together(heard, rules):
    """`both` writes what the two others write, and nothing else."""

    def keys(write):
        changed = GenreRules(**{**_fields(rules), "tree_level": write})
        return {fold(name) for name in chosen_names(heard, changed, limit=99)}

    assert keys("both") == keys("specific") | keys("general")


@given(LISTS, RULES)
def test_without_lists_whatever_was_heard_gives_a_genre(heard, rules):
    """Aliases and trees never make a believed label disappear."""
    open_rules = GenreRules(**{**_fields(rules), "allow": None, "block": frozenset()})
    assert bool(chosen_names(heard, open_rules, limit=3)) == bool(heard)


@given(LISTS, LISTS, RULES, POLICIES)
def test_protected_genres_are_never_removed(previous, heard, rules, policy):
    """No policy takes a protected genre out of a file."""
    after = {fold(name) for name in merged(previous, heard, rules, policy=policy)}
    assert {fold(name) for name in previous} & rules.protected <= after


@given(LISTS, LISTS, RULES, st.sampled_from(["append", "replace"]))
def test_merging_twice_changes_nothing(previous, heard, rules, policy):
    """A second scan with the same rules leaves the file as the first one left it."""
    heard = chosen_names(heard, rules, limit=3)
    once = merged(previous, heard, rules, policy=policy)
    assert merged(once, heard, rules, policy=policy) == once


@given(LISTS, LISTS, RULES)
def test_append_keeps_what_is_there_in_front(previous, heard, rules):
    """The file's own genres stay as they stand, joined strings too, each once if any is new."""
    after = merged(previous, heard, rules, policy="append")
    first = unique(previous)
    assert after == tuple(previous) or after[: len(first)] == first


@given(NAMES, RULES)
def test_ancestors_end_and_do_not_contain_the_name(name, rules):
    """A circle in the tree neither hangs nor makes a genre its own parent."""
    found = [fold(ancestor) for ancestor in ancestors(name, rules)]
    assert fold(name) not in found
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        ("specific", ("Death Metal", "jazz")),
        ("general", ("Rock", "jazz")),
        ("both", ("Death Metal", "jazz", "Rock")),
    ],
)
def test_the_tree_leads_to_the_most_general_parents(write, expected):
    """Several parents meet in one root, which is written once."""
    rules = GenreRules(tree=METAL.tree, tree_level=write)
    assert chosen_names(["Death Metal", "jazz"], rules, limit=9) == expected


def test_a_name_that_may_not_be_written_gives_way_to_its_nearest_parent():
    """An allow list of general names makes use of the tree."""
    rules = GenreRules(tree=METAL.tree, allow=frozenset({"metal", "rock"}))
    assert chosen_names(["Death Metal"], rules, limit=9) == ("Metal",)
    assert chosen_names(["polka"], rules, limit=9) == ()
    assert general_of("death metal", rules) == ("Rock",)


def test_aliases_are_followed_to_their_end_and_circles_are_left():
    """`rap` becomes what `hiphop` becomes; a circle changes nothing."""
    rules = GenreRules(aliases={"rap": "HipHop", "hiphop": "Hip-Hop", "a": "b", "b": "a"})
    assert canonical("Rap", rules) == "Hip-Hop"
    assert canonical("a", rules) == "a"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("drum and bass", "Drum and Bass"),
        ("hip-hop", "Hip-Hop"),
        ("R&B", "R&B"),
        ("r&b", "R&B"),
        ("EDM", "EDM"),
        ("the blues", "The Blues"),
        ("rock'n'roll", "Rock'n'roll"),
        ("schlager & pop", "Schlager & Pop"),
        ("ßound", "ßound"),
        ("日本", "日本"),
        ("", ""),
    ],
)
def test_title_case(name, expected):
    """Words begin with a capital, small words inside do not, short acronyms stay."""
    assert title_case(name) == expected


@given(st.text(max_size=20))
def test_title_case_twice_is_title_case(name):
    """Titling is stable, or a file would be rewritten for ever; letters stay the same."""
    assert title_case(title_case(name)) == title_case(name)
    assert len(title_case(name)) == len(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hip-Hop", "hip hop"),
        ("R&B", "R and B"),
        ("Rock'n'Roll", "Rock & Roll"),
        ("RnB", "rnb"),
    ],
)
def test_spellings_of_one_genre_share_a_key(one, other):
    """What a person takes for the same genre is found as the same."""
    assert spelling_key(one) == spelling_key(other)


def test_different_genres_have_different_keys():
    """Loose is not careless."""
    names = ["Pop", "Hip-Hop", "Trip-Hop", "Rock", "Post-Rock", "!!!", "???", "Band", "Bd"]
    assert len({spelling_key(name) for name in names}) == len(names)


def test_a_joined_string_is_several_genres_only_if_the_owner_says_so():
    """'A / B' is one genre by default, two with the setting, and stays as it stands."""
    assert read_apart("Pop / Rock", GenreRules()) == ("Pop / Rock",)
    rules = GenreRules(separators=(" / ", "; "))
    assert read_apart("Pop / Rock; Folk", rules) == ("Pop", "Rock", "Folk")
    assert merged(["Pop / Rock"], ["rock"], rules, policy="append") == ("Pop / Rock",)
    assert merged(["Pop / Rock"], ["jazz"], rules, policy="append") == ("Pop / Rock", "jazz")
    assert merged(["Pop / Rock"], ["pop", "rock"], rules, policy="replace") == ("Pop / Rock",)


def _fields(rules):
    return {name: getattr(rules, name) for name in GenreRules.__slots__}


def test_what_takes_the_place_of_its_parent_stands_where_that_stood():
    """The surest genre is electronic: among one name it is its child, not the second best."""
    rules = GenreRules(tree={"house": ("Electronic",)})
    heard = ("Electronic", "Soundtrack", "House")
    assert chosen_names(heard, rules, limit=1) == ("House",)
    assert chosen_names(heard, rules, limit=3) == ("House", "Soundtrack")
