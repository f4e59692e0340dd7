"""Results -> one page that works offline: rows as lines of JSON, drawn by the page's script.

Rows are written as they come, so memory does not grow with the library, and a page of a scan
that was stopped shows what was done until then.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TextIO

from tagger.genres.choose import is_sure
from tagger.model.label_tree import GENRE_KIND, line_above
from tagger.model.spec import ModelSpec
from tagger.scan.results import TrackResult
from tagger.scan.timeline import Timeline
from tagger.system.version import __version__
from tagger.text import sanitise, text_of

_PAGE = Path(__file__).parent / "page"
_MOST_NAMED = 5_000
_SCRIPTS = ("data.js", "grid.js", "charts.js", "detail.js", "views.js", "app.js")

# What could end the element that holds the data, or the line, in any reader.
_ESCAPES = [(mark, f"\\u{ord(mark):04x}") for mark in "<>&\u2028\u2029\x7f"]


@dataclass(slots=True)
class _Named:
    """Texts that have a number; numbers go on when old texts are forgotten.

    Attributes:
        key: what the page calls them.
        numbers: the texts that are remembered.
        n_given: numbers given so far.
    """

    key: str
    numbers: dict[str, int] = field(default_factory=dict)
    n_given: int = 0


class HtmlReport:
    """The page; use it in a `with` statement, whose end completes it.

    Args:
        file: open for writing as UTF-8.
        spec: of the model; None leaves labels and thresholds to the results.
        threshold: one threshold for all labels instead of the model's own.
    """

    takes_findings = True

    def __init__(
        self, file: TextIO, spec: ModelSpec | None, *, threshold: float | None = None
    ) -> None:
        self.file = file
        self.spec, self.threshold = spec, threshold
        self.labels = spec.labels_of(GENRE_KIND) if spec else ()
        needed = spec.thresholds if spec else {}
        self.thresholds = {label: needed[label] for label in self.labels}
        self.parents = spec.parents if spec else {}
        if threshold is not None:
            self.thresholds = dict.fromkeys(self.labels, threshold)
        self.model = f"{spec.name} {spec.revision}" if spec else ""
        self.reasons, self.folders = _Named("reason"), _Named("folder")
        self.head, self.tail = _frame()

    def __enter__(self) -> Self:
        self.file.write(self.head)
        self._line(
            {
                "model": sanitise(self.model),
                "made": datetime.now().astimezone().isoformat(timespec="minutes")[:16],
                "version": __version__,
            }
        )
        self._write_labels()
        return self

    def __exit__(self, *_: object) -> None:
        self.file.write(self.tail)

    def add(self, result: TrackResult, *, finding: str = "") -> None:
        """Append one file."""
        self._learn_labels(result.scores or {})
        path = sanitise(text_of(result.path))
        why = text_of(result.reason or _second_of(result))
        reason = sanitise(why).removeprefix(f"{path}: ")
        folder, name = _parts(path)
        # By place and not by name: a hundred thousand rows make a page that still opens.
        row = [
            self._named(self.folders, folder),
            name,
            result.status,
            [sanitise(genre) for genre in result.genres],
            [sanitise(genre) for genre in result.previous],
            self._thousandths(result.scores),
            None if result.duration_s is None else round(result.duration_s, 1),
            self._named(self.reasons, reason) if reason else None,
            finding,
        ]
        others = self._others(result)
        if result.timeline is not None or others:
            row.append(_over_time(result.timeline) if result.timeline is not None else None)
        if others:
            row.append(others)
        self._line(row)
        self.file.flush()  # a scan that is killed leaves a page of what was done

    def _others(self, result: TrackResult) -> list[list[str]]:
        """What is sure of each other kind of label: its name and, in words, the labels."""
        kinds = []
        for kind, scores in (result.others or {}).items():
            sure = [
                f"{label} {score:.2f}"
                for label, score in scores.items()
                if self.spec and is_sure(label, score, self.spec, threshold=self.threshold)
            ]
            if sure:
                kinds.append([kind.capitalize(), sanitise(", ".join(sure))])
        return kinds

    def _named(self, names: "_Named", text: str) -> int:
        """The number of a text that many rows share; its first row is led by a line for it."""
        if text not in names.numbers:
            if len(names.numbers) >= _MOST_NAMED:
                # Forgotten, not reused: rows that name old numbers stay right, and memory is
                # bounded.
                names.numbers.clear()
            names.numbers[text] = names.n_given
            names.n_given += 1
            self._line({names.key: text})
        return names.numbers[text]

    def _line(self, value: Any) -> None:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for mark, escape in _ESCAPES:
            text = text.replace(mark, escape)
        self.file.write(text + "\n")

    def _learn_labels(self, scores: dict[str, float]) -> None:
        """Labels that no spec named are named before the first row that has them."""
        if all(label in self.thresholds for label in scores):
            return
        new = tuple(label for label in scores if label not in self.thresholds)
        self.labels += new
        self.thresholds |= dict.fromkeys(new, 0.0)
        self._write_labels()

    def _write_labels(self) -> None:
        if self.labels:
            needed = [round(self.thresholds[label], 3) for label in self.labels]
            self._line(
                {
                    "labels": [sanitise(label) for label in self.labels],
                    "thresholds": needed,
                    "parents": [self._parent(label) for label in self.labels],
                }
            )

    def _parent(self, label: str) -> int:
        """The number of the nearest label above one; -1 for none."""
        above = [
            ancestor for ancestor in line_above(label, self.parents) if ancestor in self.labels
        ]
        return self.labels.index(above[0]) if above else -1

    def _thousandths(self, scores: dict[str, float] | None) -> list[int] | None:
        """Scores in the order of the labels; -1 where a result does not tell one."""
        if scores is None:
            return None
        return [round(1000 * scores[label]) if label in scores else -1 for label in self.labels]


def _second_of(result: TrackResult) -> str:
    """What another field gets or would get; the column of reasons has room for it."""
    if result.second is None or not result.second.is_changed:
        return ""
    return f"{result.second.name}: {', '.join(result.second.values)}"


def _parts(path: str) -> tuple[str, str]:
    """Folder and name; a backslash parts them only where no slash does."""
    mark = "/" if "/" in path else "\\"
    folder, separator, name = path.rpartition(mark)
    return (folder or mark, name) if separator else (".", name)


def _over_time(timeline: Timeline) -> list[Any]:
    """Window length, starts in seconds, and the scores of each window in thousandths."""
    scores = (timeline.scores * 1000).round().astype(int).tolist()
    return [
        round(timeline.window_s, 3),
        [round(s, 2) for s in timeline.starts_s.tolist()],
        scores,
    ]


def _frame() -> tuple[str, str]:
    """What stands in front of the rows and behind them.

    The page may run the script it carries and no other: the policy names its hash.
    """
    text = (_PAGE / "page.html").read_text(encoding="utf-8")
    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    script = "".join((_PAGE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    digest = hashlib.sha256(f"\n{script}\n".encode()).digest()
    text = text.replace("@style@", style).replace("@script@", script)
    text = text.replace("@hash@", base64.b64encode(digest).decode())
    head, _, tail = text.partition("@data@\n")
    return head, tail
