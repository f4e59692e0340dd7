"""A timeline in the terminal: a line of bars a label, the segments below."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tagger.model.spec import ModelSpec
from tagger.scan.timeline import Segment, Timeline, segments
from tagger.text import sanitise

ROWS = 5
WIDTH = 60
PALETTE = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#999999",
)  # fmt: skip
"""Okabe and Ito's colours, which colour-blind people can tell apart; the height of a bar says
the same without any colour. https://jfly.uni-koeln.de/color/"""

_LEVELS = " ▁▂▃▄▅▆▇█"


def timeline_view(
    timeline: Timeline, spec: ModelSpec, *, threshold: float | None, width: int = WIDTH
) -> RenderableType:
    """The labels that matter as bars over time, then the sure ones as segments."""
    order = timeline.ranked()[:ROWS]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    # A few windows stretched over a whole line would look like detail that is not there.
    width = min(width, max(10, 4 * len(timeline.starts_s)))
    for rank, index in enumerate(order):
        label = Text(sanitise(timeline.labels[index]), PALETTE[rank])
        table.add_row(label, Text(_bars(timeline, index, width), PALETTE[rank]))
    table.add_row("", Text(_axis(timeline.duration_s, width), "dim"))
    colours = {timeline.labels[index]: PALETTE[rank] for rank, index in enumerate(order)}
    shown_segments = segments(timeline, spec, threshold=threshold)
    return Group(table, *(_segment_line(segment, colours) for segment in shown_segments))


def _bars(timeline: Timeline, index: int, width: int) -> str:
    """One character a piece of time; its height is the score of the window at its middle."""
    spans = list(timeline.spans())
    shown, at = [], 0
    for column in range(width):
        now_s = (column + 0.5) * timeline.duration_s / width
        while at + 1 < len(spans) and spans[at + 1][0] <= now_s:
            at += 1
        start, end, scores = spans[at]
        level = round(float(scores[index]) * (len(_LEVELS) - 1)) if start <= now_s <= end else 0
        shown.append(_LEVELS[level])
    return "".join(shown)


def _axis(duration_s: float, width: int) -> str:
    end = clock(duration_s)
    middle = clock(duration_s / 2)
    left = "0:00".ljust(width // 2 - len(middle) // 2) + middle
    return left.ljust(width - len(end)) + end if width >= 20 else "0:00 " + end


def _segment_line(segment: Segment, colours: dict[str, str]) -> Text:
    words = {None: "nothing sure enough", "": "silence"}.get(segment.label)
    times = f"  {clock(segment.start_s):>5} to {clock(segment.end_s):>5}  "
    if words is not None or segment.label is None:
        return Text.assemble((times, "dim"), ("░ ", "dim"), (words or "", "dim"))
    style = colours.get(segment.label, "")
    label = sanitise(segment.label)
    return Text.assemble((times, "dim"), ("█ ", style), f"{label} {segment.score:.2f}")


def clock(seconds: float) -> str:
    """Minutes and seconds, as in 3:05."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
