import re
import tomllib
from datetime import date

import pytest

from tagger.errors import InputError
from tagger.settings.config import (
    EXAMPLE,
    KEYS,
    Settings,
    config_path,
    load_settings,
)
from tagger.settings.model_overrides import targets_of, with_settings
from tagger.tags.fields import PLACEHOLDERS
from tests.engines import make_spec


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A function that writes config.toml and loads it."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("TAGGER_CONFIG", str(path))

    def load(text, *overrides, environment=None):
        path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
        return load_settings(overrides, environment=environment or {})

    load.path = path
    return load


def test_without_a_file_the_defaults_hold(tmp_path, monkeypatch):
    """Nobody needs a file."""
    monkeypatch.delenv("TAGGER_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(environment={}) == Settings()
    assert config_path().is_relative_to(tmp_path)


def test_a_named_file_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    """A mistyped variable does not silently mean no settings."""
    monkeypatch.setenv("TAGGER_CONFIG", str(tmp_path / "no.toml"))
    with pytest.raises(InputError, match=r"no\.toml"):
        load_settings(environment={})


def test_each_layer_lies_over_the_one_before(config):
    """Defaults < file < environment < command line, and the origin of each is told."""
    text = 'max_genres = 2\nletter_case = "title"\ntree_level = "both"\n'
    environment = {"TAGGER_LETTER_CASE": "model", "TAGGER_MAX_GENRES": ""}
    settings = config(text, "tree_level=general", environment=environment)
    names = (settings.max_genres, settings.letter_case, settings.tree_level)
    assert names == (2, "model", "general")
    assert settings.origins["max_genres"] == f"{config.path}, line 1"
    assert settings.origins["letter_case"] == "TAGGER_LETTER_CASE"
    assert settings.origins["tree_level"] == "--set tree_level=general"
    assert settings.notices == ()


def test_older_names_are_read_with_one_notice_each(config):
    """`max`, `write` and `case` mean what they meant; a new name beside them counts."""
    text = 'max = 2\nwrite = "both"\ncase = "title"\ntree_level = "general"\n'
    settings = config(text, environment={"TAGGER_MAX": "4"})
    names = (settings.max_genres, settings.tree_level, settings.letter_case)
    assert names == (4, "general", "title")
    assert len(settings.notices) == 4
    assert f"{config.path}, line 1: the key 'max' is called 'max_genres' now" in "".join(
        settings.notices
    )


def test_an_entry_of_a_table_is_added_to_the_file(config):
    """`--set thresholds.rock=0.7` keeps the other thresholds."""
    settings = config("[thresholds]\npop = 0.5\n", "thresholds.rock=0.7", "block=a, b")
    assert settings.thresholds == {"pop": 0.5, "rock": 0.7}
    assert settings.block == ("a", "b")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\nletter_case = title", 2, "key letter_case: Invalid value; a text stands in quotes"),
        ('[aliases]\nRock = Foo\n"Pop" = "x"', 2, "key Rock: Invalid value; a text stands in"),
        ("max_genres = 2\nalises = {}", 2, r"'alises' \(did you mean 'aliases'\?\)\.$"),
        ("max = 0", 1, "'max' is 0"),
        ("max = true", 1, "'max' is True"),
        ('\nwrite = "bth"', 2, r"is not allowed \(did you mean 'both'\?\)\.$"),
        ('letter_case = "upper"', 1, "model, title"),
        ("\n\nblock = 'x", 3, "key block"),
        ('block = "pop"', 1, "list of names"),
        ('block = ["pop", ""]', 1, "'block' holds ''"),
        ("aliases = 3", 1, "[KEY]"),
        ('[aliases]\nrap = "Hip-Hop"\n"a b" = 7', 3, "'aliases.a b'"),
        ('[tree]\nmetal = ["rock"]\nrock = ["metal"]', 1, "leads from"),
        ('[aliases]\na = "b"\nb = "a"', 1, "leads from 'a'|lead from 'a'"),
        ("[thresholds]\npop = 0.5\nrock = 1.5", 3, "'thresholds.rock' is 1.5"),
        ('field = "title"', 1, "means something else"),
        ('field = "x=y"', 1, "cannot be the name of a field"),
        ('provenance = "yes"', 1, "true or false"),
        ("id3v2_version = 2", 1, '"keep", 3 or 4'),
        ("id3v2_version = [3]", 1, '"keep", 3 or 4'),
        ('id3v23_separator = " "', 1, "a separator such as"),
        ('[second]\nfeild = "mood"', 2, "did you mean 'field'"),
        ('[second]\nlabels = "calm"', 2, "list of names"),
        ('field = "Mood"\n[second]\nlabels = ["calm"]', 2, "choose another one"),
        (b"max_genres = 2\n# caf\xe9\n", 2, "UTF-8"),
        ("max_genres = 2\nmax_genres = 3", 2, "max_genres"),
    ],
)
def test_a_broken_file_names_line_and_key(config, text, line, said):
    """The message leads to the place, and to the nearest right name."""
    with pytest.raises(InputError) as caught:
        config(text)
    assert f"{config.path}, line {line}" in str(caught.value)
    assert re.search(said.replace("[KEY]", r"\[KEY\]"), str(caught.value))


@pytest.mark.parametrize("override", ["max", "max.x=1", "nothing=1", "max=many"])
def test_a_wrong_override_names_itself(config, override):
    """The command line is checked like the file."""
    with pytest.raises(InputError, match="--set"):
        config("", override)


def test_rules_are_the_settings_with_folded_keys(config):
    """What the owner wrote is how it is spelled; comparing ignores case."""
    settings = config('allow = ["Hip-Hop"]\n[aliases]\nRAP = "Hip-Hop"\n[tree]\nEmo = "Rock"')
    rules = settings.rules
    assert rules.allow == {"hip-hop"}
    assert rules.aliases == {"rap": "Hip-Hop"}
    assert rules.tree == {"emo": ("Rock",)}
    assert rules.spellings["hip-hop"] == "Hip-Hop"


def test_thresholds_lie_over_those_of_the_model(config):
    """An unknown label is told with the nearest one, and is no error."""
    settings = config("[thresholds]\nLOW = 0.9\nhihg = 0.1")
    spec, notes = with_settings(make_spec(), settings)
    assert spec.thresholds == {"low": 0.9, "high": 0.5}
    assert len(notes) == 1
    assert "'hihg' (did you mean 'high'?); that threshold is ignored" in notes[0]


def test_labels_of_the_second_field_are_looked_for_in_the_model(config):
    """One that the model does not have is told, and what is written where is known."""
    settings = config(
        'provenance = true\nfield = "My Genre"\n[second]\nlabels = ["LOW", "clam"]'
    )
    spec, notes = with_settings(make_spec(), settings)
    assert len(notes) == 1
    assert "'clam'" in notes[0]
    targets = targets_of(settings, spec, today=date(2026, 11, 21))
    assert targets.names == ("My Genre", "mood")
    assert targets.split(["high", "low"], spec) == (("high",), ("low",))
    assert targets.provenance == "fake 0 2026-11-21"


def test_the_example_is_valid_and_shows_every_key(config):
    """`config init` writes comments only; with the marks removed it loads."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    active = re.sub(r"^#(?=[\[\"a-z])", "", text, flags=re.MULTILINE)
    settings = config(active)
    assert settings.aliases["Rap"] == "Hip-Hop"
    assert settings.placeholders == PLACEHOLDERS
    for key in KEYS:
        assert re.search(rf"{key}\b", text)


def test_a_list_of_placeholders_takes_the_place_of_the_default(config):
    """Who calls a genre 'Other' says so; the environment and the command line know the key."""
    rules = config('placeholders = ["tbd"]').rules
    assert rules.say_nothing(["TBD "])
    assert not rules.say_nothing(["Other"])
    assert not load_settings(["placeholders=[]"], environment={}).rules.say_nothing(["None"])
    assert load_settings(["placeholders=x, y"], environment={}).placeholders == ("x", "y")
