"""User settings: defaults < config.toml < environment < command line.

Everything is checked before any file is read; what is wrong is told with its line, its key
and the nearest right name.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from dataclasses import field as made_by
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tagger.errors import InputError
from tagger.genres.rules import GenreRules, LetterCase, TreeLevel, ancestors, canonical, fold
from tagger.settings.values import CHECKS, NAME_LISTS, WrongValueError, nearest
from tagger.system.folders import user_folder
from tagger.tags.fields import PLACEHOLDERS, Id3Version

FILE_VARIABLE = "TAGGER_CONFIG"
EXAMPLE = Path(__file__).with_name("example.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the owner of a library has decided; the names are those of config.toml.

    Attributes:
        max_genres: the most genres that a track gets.
        tree_level: the most specific genre, its most general ancestors in the tree, or both.
        letter_case: genres as the model spells them, or in title case.
        field: the tag that is written: genre, grouping, comment, mood or a free name.
        provenance: also write which model chose the genre, and when.
        id3v2_version: of ID3 tags that are written: "keep" (a new one is 2.4), 3 or 4.
        id3v23_separator: joins several values in ID3v2.3 and in comments.
        wav_info: write the genre of a WAV also as RIFF INFO.
        mp4_compat: join several genres in one MP4 value.
        read_as_several: what parts several genres in one string of a file.
        exclude: patterns of files and folders that no walk takes.
        allow, block: the only genres that are written (empty for all); those that never are.
        protected: genres that are never removed from a file.
        placeholders: what stands in a genre's place and says none.
        spellings: names that are written exactly so.
        aliases: a name to the one that is written instead.
        tree: a name to its more general parents; lies over the model's own tree.
        thresholds: a label to the score from which it is believed.
        remember_embeddings: a scan stores what the network made of each track, for learning.
        auto_learn: say when there is enough new to learn a model again.
        second: another `field`, and the `labels`, or those of a `kind`, that are written there
            instead.
        serve: options of `tagger serve`: database, objects, workers, token_file, ...
        notices: sentences for the owner, about settings that have another name by now.
        origins: a key to where its value comes from; a default is not in it.
    """

    max_genres: int = 3
    tree_level: TreeLevel = "specific"
    letter_case: LetterCase = "model"
    field: str = "genre"
    provenance: bool = False
    id3v2_version: Id3Version = "keep"
    id3v23_separator: str = "; "
    wav_info: bool = False
    mp4_compat: bool = False
    read_as_several: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = PLACEHOLDERS
    spellings: tuple[str, ...] = ()
    aliases: Mapping[str, str] = made_by(default_factory=dict)
    tree: Mapping[str, tuple[str, ...]] = made_by(default_factory=dict)
    thresholds: Mapping[str, float] = made_by(default_factory=dict)
    remember_embeddings: bool = True
    auto_learn: bool = False
    second: Mapping[str, Any] = made_by(default_factory=dict)
    serve: Mapping[str, Any] = made_by(default_factory=dict)
    notices: tuple[str, ...] = ()
    origins: Mapping[str, str] = made_by(default_factory=dict)

    @property
    def rules(self) -> GenreRules:
        """The settings as rules over names."""
        exact = (*self.allow, *self.aliases.values(), *self.spellings)
        return GenreRules(
            aliases={fold(name): target for name, target in self.aliases.items()},
            tree={fold(name): parents for name, parents in self.tree.items()},
            # An empty list allows every genre; an empty set would allow none.
            allow=frozenset(map(fold, self.allow)) if self.allow else None,
            block=frozenset(map(fold, self.block)),
            protected=frozenset(map(fold, self.protected)),
            placeholders=frozenset(map(fold, self.placeholders)),
            spellings={fold(name): name for name in exact},
            tree_level=self.tree_level,
            letter_case=self.letter_case,
            separators=self.read_as_several,
        )

    @property
    def second_field(self) -> str:
        """Where the labels of [second] go: its field, else one named like its kind, or mood."""
        kinds = self.second.get("kind", ())
        named = kinds[0] if len(kinds) == 1 and not self.second.get("labels") else SECOND_FIELD
        return str(self.second.get("field", named))


SECOND_FIELD = "mood"

KEYS = tuple(
    field.name for field in fields(Settings) if field.name not in {"origins", "notices"}
)
RENAMED = {"max": "max_genres", "write": "tree_level", "case": "letter_case"}
"""Names that settings had before; they are still read, with a notice."""

TABLES = ("aliases", "tree", "thresholds", "second", "serve")


def config_path() -> Path:
    """The settings' file; it need not exist."""
    if given := os.environ.get(FILE_VARIABLE):
        return Path(given)
    return user_folder("config") / "config.toml"


def load_settings(
    overrides: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    values: Mapping[str, Any] = MappingProxyType({}),
) -> Settings:
    """The settings of this run.

    Args:
        overrides: `KEY=VALUE` from the command line; `TABLE.NAME=VALUE` sets one entry.
        values: keys with values of their own types, from a program; they lie over all others.
        environment: variables named `TAGGER_` and a key in capitals; the process's if None.

    Raises:
        InputError: something is wrong; the message says where, and the nearest right name.
    """
    layers = [_file_layer(config_path()), *_environment_layers(environment)]
    layers += [_override_layer(override) for override in overrides]
    layers.append(((lambda *_: "settings"), values))
    settings = Settings()
    for where, layer in layers:
        settings = _with_layer(settings, layer, where)
    _check_circles(settings)
    _check_fields(settings)
    return settings


Where = Callable[[str, str | None], str]
"""Names the place of a key (and of an entry in its table), for messages."""

_Layer = tuple[Where, Mapping[str, Any]]


def _file_layer(path: Path) -> _Layer:
    if not path.exists():
        if os.environ.get(FILE_VARIABLE):
            raise InputError(f"{path}: {FILE_VARIABLE} names it, but there is no such file.")
        return (lambda *_: str(path)), {}
    try:
        # Editors on Windows begin a file with a byte-order mark, which TOML does not allow.
        text = path.read_bytes().decode("utf-8-sig")
        tree = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: not UTF-8; save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        message = str(error).partition(" (at ")[0]
        # Without a place it is the end of the file, where something is missing.
        line = int(place[1]) if place else len(text.splitlines())
        if message == "Invalid value":
            message += '; a text stands in quotes ("Rock"), true and false have small letters'
        raise InputError(f"{path}, line {line}{_key_on(text, line)}: {message}.") from error
    return (lambda key, entry: f"{path}, line {_line_of(text, key, entry)}"), tree


def _key_on(text: str, line: int) -> str:
    lines = text.splitlines()
    match = re.match(r"\s*([^=#\[]+?)\s*=", lines[line - 1]) if line <= len(lines) else None
    return f", key {match[1]}" if match else ""


def _line_of(text: str, key: str, entry: str | None) -> int:
    """The line on which a key (or an entry of its table) stands; 1 if it hides."""
    table, best = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[+\s*[\"']?([^\]\"']+)[\"']?\s*\]", line):
            table = header[1].strip()
            best = number if table == key else best
            continue
        name = re.match(r"\s*(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^=#]+?)\s*=", line)
        spelled = name[1].strip("\"'") if name else None
        if not table and spelled is not None and spelled.split(".")[0].strip("\"' ") == key:
            best = number
        if entry is not None and spelled == entry and table == key:
            return number
    return best


def _environment_layers(environment: Mapping[str, str] | None) -> list[_Layer]:
    given = os.environ if environment is None else environment
    layers: list[_Layer] = []
    for key in (*RENAMED, *KEYS):  # what lies over lies last
        name = f"TAGGER_{key.upper()}"
        if key not in TABLES and given.get(name):
            layers.append(((lambda *_, name=name: name), {key: _value(key, given[name])}))
    return layers


def _override_layer(text: str) -> _Layer:
    name, equals, value = text.partition("=")
    key, dot, entry = name.strip().partition(".")
    if not equals or (dot and key not in TABLES):
        raise InputError(f"--set {text}: write KEY=VALUE, or TABLE.NAME=VALUE for a table.")
    parsed = _value(key, value.strip())
    return (lambda *_: f"--set {text}"), {key: {entry: parsed} if dot else parsed}


def _value(key: str, text: str) -> Any:
    """TOML where it is TOML; else a word, or words parted by commas where a list belongs."""
    try:
        # So numbers, lists and tables can be typed; a bare word is no TOML.
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    if key in {*NAME_LISTS, "read_as_several", "exclude"}:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _with_layer(settings: Settings, values: Mapping[str, Any], where: Where) -> Settings:
    changes: dict[str, Any] = {}
    origins, notices = dict(settings.origins), list(settings.notices)
    for name, value in values.items():
        key = RENAMED.get(name, name)
        if key != name:
            notices.append(_renamed(where(name, None), name, values))
            if key in values:
                continue
        if key not in KEYS:
            raise InputError(
                f"{where(key, None)}: there is no key {key!r}{nearest(key, KEYS)}."
            )
        try:
            checked = CHECKS[key](value)
        except WrongValueError as wrong:
            place = where(name, wrong.entry)
            named = f"{name}.{wrong.entry}" if wrong.entry is not None else name
            raise InputError(f"{place}: the key {named!r} {wrong}.") from None
        # A table grows from layer to layer: one entry on the command line keeps the file's.
        if key in TABLES:
            checked = {**getattr(settings, key), **checked}
        changes[key] = checked
        origins[key] = where(name, None)
    return replace(settings, **changes, origins=origins, notices=tuple(notices))


def _renamed(place: str, name: str, values: Mapping[str, Any]) -> str:
    key = RENAMED[name]
    message = f"{key!r} beside it is used" if key in values else "it is still read"
    return f"{place}: the key {name!r} is called {key!r} now; {message}"


def _check_circles(settings: Settings) -> None:
    """Names that lead back to themselves mean that somebody mistyped one."""
    rules = settings.rules
    for name, parents in settings.tree.items():
        above = {
            fold(genre) for parent in parents for genre in (parent, *ancestors(parent, rules))
        }
        if fold(name) in above:
            raise InputError(
                f"{settings.origins['tree']}: the tree leads from {name!r} back to it."
            )
    for name, target in settings.aliases.items():
        if fold(name) != fold(target) and canonical(name, rules) == name:
            raise InputError(
                f"{settings.origins['aliases']}: the aliases lead from {name!r} back to it."
            )


def _check_fields(settings: Settings) -> None:
    """Two kinds of labels in one field could not be told apart."""
    second = settings.second_field
    if settings.second and fold(second) == fold(settings.field):
        raise InputError(
            f"{settings.origins['second']}: the field of [second] is {second!r} like `field`;"
            " choose another one."
        )
