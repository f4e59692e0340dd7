from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tagger.errors import InputError, WriteError
from tagger.tags import read_tags
from tagger.tags.base import open_source
from tagger.tags.fields import FIELDS, field_named
from tagger.tags.payload import payload_hash
from tagger.tags.xiph.comment import edited
from tagger.writing.filecopy import copy_patched
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import WRITABLE, make_audio
from tests.tags.elements import other_tags, seen

NAMES = (*FIELDS, "My Genre")
VALUES = {
    "genre": ["Drum & Bass", "Électro", "ジャズ"],
    "grouping": ["Night", "Drive"],
    "comment": ["heard: rock", "ünïcode ♫"],
    "mood": ["calm", "dark"],
    "My Genre": ["Mine", "Σ"],
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A file of each kind with a title, as bytes."""
    folder = tmp_path_factory.mktemp("kinds")
    paths = {kind: make_audio(folder, kind, name=kind, title="A title") for kind in WRITABLE}
    return {kind: (path.suffix, path.read_bytes()) for kind, path in paths.items()}


def copy_of(originals, kind, folder):
    """A new file of a kind."""
    suffix, data = originals[kind]
    path = folder / f"song{suffix}"
    path.write_bytes(data)
    return path


def undone(path, prepared):
    """The bytes that the undo patches make of a written file."""
    back = path.with_name("back")
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    data = back.read_bytes()
    back.unlink()
    return data


@pytest.mark.parametrize("kind", WRITABLE)
def test_every_field_is_written_where_mutagen_finds_it(originals, tmp_path, kind):
    """One after another and none touches the others; each is read back and taken back."""
    path = copy_of(originals, kind, tmp_path)
    container = read_tags(path).container
    payload = payload_hash(path, container)
    for name in NAMES:
        before, tags = path.read_bytes(), other_tags(path, name)
        with prepare(path, None, others={name: VALUES[name]}) as prepared:
            prepared.commit()
        assert read_tags(path, fields=[name]).values(name) == tuple(VALUES[name])
        text = ["; ".join(VALUES[name])] if name == "comment" else VALUES[name]
        assert seen(path, name) == text
        assert other_tags(path, name) == tags
        assert payload_hash(path, container) == payload
        assert undone(path, prepared) == before
        assert not write_genres(path, None, others={name: VALUES[name]})


@pytest.mark.parametrize("kind", ["mp3", "wav", "aiff", "dsf"])
def test_every_field_is_written_in_id3v23(originals, tmp_path, kind):
    """One joined string a frame; what was written reads back as several, and undo works."""
    options = WriteOptions(id3v2_version=3)
    path = copy_of(originals, kind, tmp_path)
    before = path.read_bytes()
    others = {name: VALUES[name] for name in NAMES if name != "genre"}
    with prepare(path, VALUES["genre"], others=others, options=options) as prepared:
        prepared.commit()
    info = read_tags(path, fields=NAMES, style=options.style)
    assert {name: list(info.values(name)) for name in NAMES} == VALUES
    assert {name: seen(path, name) for name in NAMES} == {
        name: ["; ".join(values)] for name, values in VALUES.items()
    }
    assert undone(path, prepared) == before
    assert not write_genres(path, VALUES["genre"], others=others, options=options)


def test_a_plan_that_would_touch_another_tag_is_found_out(originals, tmp_path, monkeypatch):
    """The copy is compared tag by tag before it takes the place of the file."""
    path = copy_of(originals, "flac", tmp_path)
    write_genres(path, None, others={"grouping": ["Night"]})
    before = path.read_bytes()

    def careless(comment, edits, style):
        found = edited(comment, edits, style)
        return replace(found, entries=found.entries[1:])

    monkeypatch.setattr("tagger.tags.xiph.flac.edited", careless)
    with pytest.raises(WriteError, match="other tags would change"):
        write_genres(path, ["Rock"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", WRITABLE)
def test_several_fields_are_one_change(originals, tmp_path, kind):
    """All are there after one write, all are gone after another, and the payload stays."""
    path = copy_of(originals, kind, tmp_path)
    before, tags = path.read_bytes(), other_tags(path, *NAMES)
    others = {name: VALUES[name] for name in NAMES if name != "genre"}
    with prepare(path, VALUES["genre"], others=others) as prepared:
        prepared.commit()
    info = read_tags(path, fields=NAMES)
    assert {name: list(info.values(name)) for name in NAMES} == VALUES
    assert other_tags(path, *NAMES) == tags
    assert undone(path, prepared) == before
    assert write_genres(path, [], others=dict.fromkeys(others, ()))
    assert all(seen(path, name) == [] for name in NAMES)
    assert other_tags(path, *NAMES) == tags


text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize("kind", WRITABLE)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(wanted={"genre": ["x" * 10_000, "♫"], "My Genre": ["Ü" * 10_000]})
@given(
    wanted=st.dictionaries(
        st.sampled_from(NAMES), st.lists(text, max_size=3, unique=True), min_size=1, max_size=3
    )
)
def test_any_value_comes_back_or_is_refused(originals, tmp_path, kind, wanted):
    """Whatever is asked for: the file holds exactly it, or is as it was; undo works."""
    path = copy_of(originals, kind, tmp_path)
    before = path.read_bytes()
    others = {name: values for name, values in wanted.items() if name != "genre"}
    try:
        prepared = prepare(path, wanted.get("genre"), others=others)
    except WriteError:
        assert path.read_bytes() == before
        return
    if prepared is None:
        assert not any(wanted.values())
        return
    with prepared:
        prepared.commit()
    info = read_tags(path, fields=list(wanted))
    assert {name: list(info.values(name)) for name in wanted} == wanted
    assert undone(path, prepared) == before


@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a-aac", "wma", "ape"])
def test_a_comment_that_only_grows_keeps_its_own_letters(originals, tmp_path, kind):
    """What somebody wrote is not spelled anew, only continued."""
    path = copy_of(originals, kind, tmp_path)
    write_genres(path, None, others={"comment": ["Great show", "bought  in 2003"]})
    said = seen(path, "comment")[0]
    path.write_bytes(path.read_bytes().replace(said.encode(), b"Great show;bought  in 2003 "))
    encoded = said.encode("utf-16-le")
    odd = "Great show;bought  in 2003 ".encode("utf-16-le")
    path.write_bytes(path.read_bytes().replace(encoded, odd))
    values = read_tags(path, fields=["comment"]).values("comment")
    assert values == ("Great show", "bought  in 2003")
    write_genres(path, None, others={"comment": [*values, "Rock"]})
    assert seen(path, "comment") == ["Great show;bought  in 2003 ; Rock"]


@pytest.mark.parametrize(
    "name", ["", "x", "A=B", "Ü", "x" * 65, "title", "Album Artist", "a/b"]
)
def test_names_with_another_meaning_are_refused(name):
    """A free field can be none that players show as something else."""
    with pytest.raises(InputError):
        field_named(name)


@pytest.mark.parametrize("name", ["genre", "MOOD", "My Genre", "heard:genre", "TAGGER"])
def test_known_and_free_names_are_taken(name):
    """Names of the table in any case, and names that mean nothing yet."""
    assert field_named(name).name.casefold() == name.casefold()
