"""The models that have a name, each with what its card says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tagger.errors import ModelError
from tagger.model.catalogue import list_models, variants_of
from tagger.model.load import read_spec
from tagger.model.spec import ModelSpec
from tagger.text import sanitise, text_of


@dataclass(frozen=True, slots=True)
class Card:
    """One model file: its spec, or why it cannot be used.

    Attributes:
        path: the file.
        spec: what it says of itself.
        problem: why it cannot be used.
        variants: files of the same model in other precisions.
    """

    path: Path
    spec: ModelSpec | None
    problem: str | None
    variants: tuple[Path, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """The card as JSON types."""
        record: dict[str, Any] = {"path": str(self.path), "problem": self.problem}
        if self.spec is not None:
            record |= {
                "name": self.spec.name,
                "revision": self.spec.revision,
                "precision": self.spec.precision,
                "variants": [str(path) for path in self.variants],
                "labels": list(self.spec.labels),
                "kind": self.spec.kind,
                "window_s": round(self.spec.window_s, 3),
                "training": dict(self.spec.training),
                "metrics": dict(self.spec.metrics),
                "calibration": dict(self.spec.calibration),
                "weights_licence": self.spec.weights_licence,
            }
        return record


def read_cards() -> list[Card]:
    """A card for every model of the catalogue; a broken one says so instead of raising."""
    cards = []
    for path in list_models():
        try:
            _, *variants = variants_of(path)
            cards.append(Card(path, read_spec(path), None, tuple(variants)))
        except ModelError as error:
            cards.append(Card(path, None, str(error)))
    return cards


def show_cards(cards: list[Card]) -> None:
    """Print the cards to stdout."""
    console = Console(emoji=False)  # `:skull:` in a name is no picture
    for card in cards:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in _rows(card):
            table.add_row(name, escape(sanitise(value)))
        stem, path = escape(sanitise(card.path.stem)), escape(sanitise(text_of(card.path)))
        console.print(f"[bold cyan]{stem}[/]  [dim]{path}[/]")
        console.print(table, "")


def _precision(spec: ModelSpec, variants: Sequence[Path]) -> str:
    """Of the file and of those beside it, in words."""
    own = f"{spec.precision} for processors" if spec.is_for_processors else spec.precision
    names = [path.name for path in variants]
    if spec.is_for_processors and names:
        return f"{own}; for GPUs and for learning on: {', '.join(names)}"
    return "; ".join((own, *names))


def _rows(card: Card) -> list[tuple[str, str]]:
    spec = card.spec
    if spec is None:
        return [("problem", card.problem or "")]
    rows = [
        ("name", f"{spec.name}, revision {spec.revision}"),
        ("labels", ", ".join(spec.labels)),
        ("listens to", f"{spec.window_s:.1f} s windows at {spec.sample_rate} Hz"),
        ("precision", _precision(spec, card.variants)),
        ("licence", spec.weights_licence),
    ]
    for title, group in (("trained on", spec.training), ("figures", spec.metrics)):
        plain = [item for item in group.items() if not isinstance(item[1], dict | list)]
        rows += [
            (title if i == 0 else "", f"{name}: {value}")
            for i, (name, value) in enumerate(plain)
        ]
    return rows
