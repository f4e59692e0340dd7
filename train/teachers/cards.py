"""What a teacher takes and gives: from its own metadata, or from a small JSON card.

{"sample_rate": 16000, "window_len": 48000, "labels": ["rock", ...], "embedding": 200,
 "licence": "MIT (whose)"}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.model.label_tree import tree_contradictions
from tagger.model.spec import ModelSpec
from train.config.fields import build

SHARED = "teachers.json"
"""Cards of all models in a folder, by their names without suffix."""

FREE_S = 10.0
"""A window of a teacher that takes any length and names none, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A teacher's card; lengths in samples at its own rate.

    `window_len` is what it hears at a time, 0 for what its graph fixes, or ten seconds where
    that takes any length; `lead_len` zeros stand in front of a recording. `hop_len` is what
    its makers use and says nothing here: each target has its own mean. `embedding` is the
    width of its output `embedding`, 0 for none. `parents` are those of its labels whose score
    another label's score holds besides its own. `file`, `origin` and `note` are for people.
    """

    sample_rate: int
    labels: tuple[str, ...]
    window_len: int = 0
    hop_len: int = 0
    lead_len: int = 0
    embedding: int = 0
    parents: Mapping[str, str] = field(default_factory=dict)
    licence: str = "unknown"
    file: str = ""
    origin: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.sample_rate < 1000:
            raise ValueError(f"sample_rate: {self.sample_rate} Hz is below 1000")
        if min(self.window_len, self.hop_len, self.lead_len, self.embedding) < 0:
            raise ValueError("lengths and counts must be 0 or more")
        if not self.labels:
            raise ValueError("labels: name at least one")
        for reason in tree_contradictions(self.labels, self.parents, {}):
            raise ValueError(f"parents: {reason}")


def card_of_spec(spec: ModelSpec, *, embedding: int) -> Card:
    """The card of a model of our own contract.

    Labels that exclude one another are added up along its tree; those of sigmoids are not.
    """
    return Card(
        sample_rate=spec.sample_rate,
        labels=spec.labels,
        window_len=spec.window_len,
        embedding=embedding,
        parents=spec.parents if spec.kind == "single" else {},
        licence=spec.weights_licence,
    )


def read_card(model: Path, given: Path | None) -> Card:
    """The card of a model that says nothing of itself.

    Args:
        model: the ONNX file.
        given: where its card is said to be: one card, or several by name; None to look beside
            the model.

    Raises:
        InputError: there is none, or a field is missing, unknown or wrong.
    """
    places = [given] if given else [model.with_suffix(".json"), model.with_name(SHARED)]
    for place in places:
        if not place.is_file():
            continue
        tree = _read(place)
        card = tree if "sample_rate" in tree else tree.get(model.stem)
        if isinstance(card, Mapping):
            return _card(card, place)
    if given is not None and given.is_file():
        known = ", ".join(_read(given))
        raise InputError(f"{given}: no card of {model.stem!r}; known: {known}.")
    named = " and ".join(str(place) for place in places)
    raise InputError(
        f"{model}: nothing says what it takes and gives. Its metadata has no tagger.spec, and"
        f" there is no card in {named}: write one with sample_rate, window_len, labels,"
        " embedding and licence."
    )


def _card(tree: Mapping[str, Any], place: Path) -> Card:
    missing = [name for name in ("sample_rate", "labels") if name not in tree]
    if missing:
        raise InputError(f"{place}: the card lacks {', '.join(missing)}.")
    try:
        card: Card = build(Card, tree, where="")
    except InputError as error:
        reason = str(error).replace("the configuration has", "the card has")
        raise InputError(f"{place}: {reason}") from error
    return card


def _read(place: Path) -> dict[str, Any]:
    try:
        tree = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: cannot be read as a card ({error}).") from error
    if not isinstance(tree, dict):
        raise InputError(f"{place}: expected a JSON object.")
    return tree
