"""Which labels a library can teach, and what is said of those that it cannot."""

import re

import pytest

from tagger.errors import InputError
from tagger.genres.rules import GenreRules
from tagger.learning.vocabulary import (
    MAX_LABELS,
    VocabularyOptions,
    choose_vocabulary,
    names_of,
    of_no_track,
    with_ancestors,
    with_implied_tree,
)

RULES = GenreRules(
    aliases={"hiphop": "Hip-Hop"},
    tree={"techno": ("Electronic",)},
    separators=("/",),
)


def library(**genres):
    """(artist, names) of tracks: so many of each genre, by two artists."""
    return [
        (f"{genre} {i % 2}", (genre.replace("_", " "),))
        for genre, count in genres.items()
        for i in range(count)
    ]


def vocabulary(tracks, rules=RULES, **options):
    """What is learned."""
    return choose_vocabulary(tracks, rules, VocabularyOptions(**options))


def reason(found, label):
    """Why a label is left out."""
    return next(segment.reason for segment in found.left_out if segment.label == label)


def test_genres_mean_what_the_settings_say():
    """Taken apart, by their aliases, without placeholders, with what stands above them."""
    names = names_of(["hiphop/Techno", "Unknown", "  "], RULES)
    assert names == ("Hip-Hop", "Techno")
    assert with_ancestors(names, RULES) == ("Hip-Hop", "Techno", "Electronic")


def test_a_genre_stands_under_what_its_last_words_are():
    """Death metal is metal, unless the owner says what it is; nothing leads back to itself."""
    names = ["Death Metal", "Melodic Death-Metal", "metal", "Techno", "Dub Techno", "Hip-Hop"]
    rules = with_implied_tree(RULES, names)
    assert rules.tree["death metal"] == ("metal",)
    assert rules.tree["melodic death-metal"] == ("Death Metal",)
    assert rules.tree["dub techno"] == ("Techno",)
    assert "hip-hop" not in rules.tree
    own = with_implied_tree(GenreRules(tree={"death metal": ("Rock",)}), names)
    assert own.tree["death metal"] == ("Rock",)
    around = with_implied_tree(GenreRules(tree={"metal": ("Death Metal",)}), names)
    assert "death metal" not in around.tree


def test_spellings_are_one_label_that_is_called_as_most_files_call_it():
    """'Hip Hop' and 'hip-hop' are one; the owner's own spelling goes before."""
    tracks = [("a", ("Hip Hop",)), ("b", ("hip-hop",)), ("c", ("hip-hop",)), ("d", ("Jazz",))]
    assert vocabulary(tracks, min_tracks=3).labels == ("hip-hop",)
    rules = GenreRules(spellings={"hip-hop": "HIP-HOP"})
    assert vocabulary(tracks, rules, min_tracks=3).labels == ("HIP-HOP",)


def test_labels_are_in_the_order_of_their_tracks_and_named_ones_are_chosen():
    """Few tracks, one artist, a sentence, and what the options say: each has its reason."""
    sentence = "my_favourite_songs_from_the_summer_of_1999"
    tracks = [
        *library(Rock=20, Jazz=10, Blues=3, **{sentence: 9}),
        *[("the one", ("Polka",))] * 9,
    ]
    found = vocabulary(tracks)
    assert found.labels == ("Rock", "Jazz")
    assert "only 3 tracks have it, and 8 are needed" in reason(found, "Blues")
    assert "by one artist" in reason(found, "Polka")
    assert "a sentence" in reason(found, sentence.replace("_", " "))
    assert vocabulary(tracks, exclude=("rock",)).labels == ("Jazz",)
    assert vocabulary(tracks, include=("jazz",)).labels == ("Jazz",)


@pytest.mark.parametrize(
    ("tracks", "said"),
    [
        ([("a", ()), ("b", ())], "no label stands in the 2 tracks"),
        (library(Rock=20), "nothing to tell 'Rock' from: all 20 tracks have it"),
        (
            [(f"{i}", (f"Genre {i}",)) for i in range(50)],
            "'Genre 0' is the most frequent of 50 labels",
        ),
        ([("the one", ("Polka",))] * 9 + [("b", ())], "is the only label: all its tracks"),
    ],
)
def test_a_library_that_teaches_nothing_is_told_why(tracks, said):
    """One genre, none, all different, one artist: a sentence, and nothing is made."""
    with pytest.raises(InputError, match=re.escape(said)):
        vocabulary(tracks)


def test_who_has_one_artist_a_genre_is_told_to_add_another():
    """Spellings have nothing to do with it; nor has a name that the tags do not hold."""
    tracks = [(genre, (genre,)) for genre in ("Polka", "Schlager") for _ in range(9)]
    with pytest.raises(InputError, match="add music by a second artist to it") as raised:
        vocabulary(tracks)
    assert "without an artist's name in their tags" in str(raised.value)
    assert "aliases" not in str(raised.value)


def test_labels_that_nobody_has_are_told_with_those_that_are_there():
    """What was asked for may be spelt otherwise: the most frequent genres are named."""
    with pytest.raises(InputError, match=re.escape("are Rock (20), Jazz (10)")):
        vocabulary(library(Rock=20, Jazz=10), include=("Polka",))


def test_a_genre_that_no_track_has_is_told_with_the_nearest_one():
    """Whether it was to be learned or left out; spelt in another way it is none of these."""
    asked, there = ("rock", "hip hop", "Rok", "Zydeco"), ("Rock", "Hip-Hop")
    assert list(of_no_track("--exclude", asked, there)) == [
        "--exclude Rok: no track has that label (did you mean 'Rock'?); it is ignored.",
        "--exclude Zydeco: no track has that label; it is ignored.",
    ]


def test_five_thousand_genres_are_too_many():
    """The most frequent ones are learned; the others are named."""
    tracks = [(f"{i}", (f"Genre {g}",)) for g in range(5000) for i in range(2)]
    found = vocabulary(tracks, min_tracks=2)
    assert len(found.labels) == MAX_LABELS
    assert len(found.left_out) == 5000 - MAX_LABELS
    assert f"the {MAX_LABELS} most frequent" in found.left_out[0].reason
