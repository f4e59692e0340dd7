"""`registry.toml`: which public models there are by name."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tagger.errors import InputError

FILE = Path(__file__).with_name("registry.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Where weights come from.

    Attributes:
        name: in the registry.
        title: as people know it.
        page: where it is described.
        licence: of the weights, and whose it is.
        package: the Python package that holds them.
        requirement: what pip is asked for.
        file: name of the published file.
        address: of the published file.
        sha256: of the published file.
        models: what adding the source as a whole adds.
    """

    name: str
    title: str
    page: str
    licence: str
    package: str
    requirement: str
    file: str
    address: str
    sha256: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicModel:
    """A model of a source: its network, vocabulary and checkpoint."""

    name: str
    source: Publication
    network: str
    vocabulary: str
    checkpoint: str
    values_sha256: str


@cache
def _registry() -> tuple[dict[str, Publication], dict[str, PublicModel]]:
    tree = tomllib.loads(FILE.read_text(encoding="utf-8"))
    sources = {
        name: Publication(name=name, **(fields | {"models": tuple(fields["models"])}))
        for name, fields in tree["source"].items()
    }
    models = {
        name: PublicModel(name=name, **(fields | {"source": sources[fields["source"]]}))
        for name, fields in tree["model"].items()
    }
    return sources, models


def names() -> list[str]:
    """Everything that can be added by name."""
    sources, models = _registry()
    return [*sources, *models]


def find_public(name: str) -> list[PublicModel]:
    """The models of a source or a model's name.

    Raises:
        InputError: there is none of that name.
    """
    sources, models = _registry()
    if name in sources:
        return [models[model] for model in sources[name].models]
    if name in models:
        return [models[name]]
    raise InputError(
        f"{name}: no public model has that name, and there is no such file; known:"
        f" {', '.join(names())}."
    )


def source_of_file(name: str) -> Publication | None:
    """The source whose published file has a name; None if there is none."""
    return next((model for model in _registry()[0].values() if model.file == name), None)
