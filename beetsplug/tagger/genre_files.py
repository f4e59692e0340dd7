"""beets' own formats of genre lists, trees and aliases -> settings of `tagger`.

The plugin lastgenre has a whitelist (`genres.txt`, a genre a line), a canonical tree
(`genres-tree.yaml`, lists and mappings inside each other) and aliases (a replacement to regular
expressions). Their names are in small letters; ours are spelled as the model spells them.
"""

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from beets import ui

from tagger.genres.rules import spelling_key, title_case

Spell = Callable[[str], str]
Tree = dict[str, list[str]]


def settings_values(config: Any, labels: Sequence[str]) -> dict[str, object]:
    """What the section `tagger:` says, as settings that lie over `config.toml`.

    Args:
        config: the section.
        labels: of the model; only what concerns them is kept.

    Raises:
        UserError: a file cannot be read, or is none of its kind.
    """
    spell = speller(labels)
    values: dict[str, object] = {"max_genres": config["max_genres"].get(int)}
    tree: Tree = {}
    if (path := _file(config["canonical"], "genres-tree.yaml")) is not None:
        tree = pruned(parents_in(_yaml(path), spell), labels)
        values["tree"] = tree
    names = list(
        dict.fromkeys([*labels, *tree, *(parent for up in tree.values() for parent in up)])
    )
    if (path := _file(config["whitelist"], "genres.txt")) is not None:
        values["allow"] = whitelist_in(_text(path), spell)
    given = config["aliases"].get()
    if isinstance(given, Mapping):
        values["aliases"] = aliases_in(given, names, spell)
    elif (path := _file(config["aliases"], "aliases.yaml")) is not None:
        values["aliases"] = aliases_in(_yaml(path), names, spell)
    return values


def speller(labels: Sequence[str]) -> Spell:
    """Names as the model spells them (`hip hop` -> `Hip-Hop`), others in title case."""
    spellings = {spelling_key(label): label for label in labels}
    return lambda name: spellings.get(spelling_key(name)) or title_case(name)


def whitelist_in(text: str, spell: Spell) -> list[str]:
    """The genres of a whitelist: a line each, `#` begins a comment."""
    lines = (line.strip() for line in text.splitlines())
    return list(
        dict.fromkeys(spell(line) for line in lines if line and not line.startswith("#"))
    )


def parents_in(tree: Any, spell: Spell) -> Tree:
    """Each genre of a tree to those right above it; one may stand in several places."""
    parents_of: Tree = {}
    for name, above in _edges(tree, None):
        parents = parents_of.setdefault(spell(name), [])
        if above is not None and spell(above) not in (*parents, spell(name)):
            parents.append(spell(above))
    return parents_of


def _edges(tree: Any, above: str | None) -> Iterator[tuple[str, str | None]]:
    if isinstance(tree, Mapping):
        for name, below in tree.items():
            yield str(name), above
            yield from _edges(below, str(name))
    elif isinstance(tree, list):
        for entry in tree:
            yield from _edges(entry, above)
    elif tree is not None:
        yield str(tree), above


def pruned(tree: Tree, labels: Sequence[str]) -> Tree:
    """What stands above the labels, without ways that lead back to where they began."""
    kept: Tree = {}
    todo = list(labels)
    while todo:
        name = todo.pop()
        if name in kept or not tree.get(name):
            continue
        kept[name] = []
        for parent in tree[name]:
            if not _leads_to(parent, name, kept):
                kept[name].append(parent)
                todo.append(parent)
    return {name: parents for name, parents in kept.items() if parents}


def _leads_to(start: str, name: str, tree: Tree) -> bool:
    seen, todo = {start}, [start]
    while todo:
        node = todo.pop()
        if node == name:
            return True
        above = [parent for parent in tree.get(node, ()) if parent not in seen]
        seen.update(above)
        todo += above
    return False


def aliases_in(given: Mapping[Any, Any], names: Sequence[str], spell: Spell) -> dict[str, str]:
    r"""Names to those that are written instead; of several patterns the first that matches.

    Args:
        given: a replacement (`\1` stands for a group) to patterns, or one pattern.
        names: that the model, or the tree, has.
        spell: how the replacement is spelled.

    Raises:
        UserError: a pattern is none.
    """
    aliases = {}
    try:
        patterns = [
            (re.compile(str(entry), re.IGNORECASE), str(target))
            for target, group in given.items()
            for entry in (group if isinstance(group, list) else [group])
        ]
        for name in names:
            matches = ((pattern.fullmatch(name.lower()), to) for pattern, to in patterns)
            target = next((match.expand(to) for match, to in matches if match), name)
            if spell(target) != name:
                aliases[name] = spell(target)
    except re.error as error:
        raise ui.UserError(f"tagger: aliases: not a pattern: {error}") from error
    return aliases


def _file(setting: Any, usual: str) -> Path | None:
    """The file that a setting names: `yes` for lastgenre's own, `no` for none."""
    value = setting.get()
    if value in (False, None, ""):
        return None
    if value is not True:
        return Path(setting.as_filename())
    spec = importlib.util.find_spec("beetsplug.lastgenre")
    path = Path(spec.origin).with_name(usual) if spec and spec.origin else Path(usual)
    if not path.is_file():
        raise ui.UserError(f"tagger: this beets has no {usual}; name a file instead of `yes`")
    return path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ui.UserError(f"tagger: {path} cannot be read: {error}") from error


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise ui.UserError(f"tagger: {path} is not YAML: {error}") from error
