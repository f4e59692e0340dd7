"""The models that have a name, each with what its card says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tagger.errors import ModelError
from tagger.model.catalogue import list_models
from tagger.model.load import read_spec
from tagger.model.spec import ModelSpec
from tagger.text import sanitise, text_of


@dataclass(frozen=True, slots=True)
class Card:
    """One model file: its spec, or why it cannot be used."""

    path: Path
    spec: ModelSpec | None
    problem: str | None

    def to_record(self) -> dict[str, Any]:
        """The card as JSON types."""
        record: dict[str, Any] = {"path": str(self.path), "problem": self.problem}
        if self.spec is not None:
            record |= {
                "name": self.spec.name,
                "revision": self.spec.revision,
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
            cards.append(Card(path, read_spec(path), None))
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


def _rows(card: Card) -> list[tuple[str, str]]:
    spec = card.spec
    if spec is None:
        return [("problem", card.problem or "")]
    rows = [
        ("name", f"{spec.name}, revision {spec.revision}"),
        ("labels", ", ".join(spec.labels)),
        ("listens to", f"{spec.window_s:.1f} s windows at {spec.sample_rate} Hz"),
        ("licence", spec.weights_licence),
    ]
    for title, group in (("trained on", spec.training), ("figures", spec.metrics)):
        plain = [item for item in group.items() if not isinstance(item[1], dict | list)]
        rows += [
            (title if i == 0 else "", f"{name}: {value}")
            for i, (name, value) in enumerate(plain)
        ]
    return rows
