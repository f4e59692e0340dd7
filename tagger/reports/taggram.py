"""A taggram: labels over time with the waveform, as a picture."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tagger.audio import open_track
from tagger.errors import InputError, MissingExtraError
from tagger.model.spec import ModelSpec
from tagger.reports.timeline_lines import PALETTE, clock
from tagger.scan.timeline import Segment, Timeline, segments
from tagger.text import sanitise

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
_ENVELOPE_RATE = 4_000
_N_COLUMNS = 1_200
_LONGEST_TITLE = 70
ROWS = 14
"""Labels of the picture, besides those that are sure somewhere: the likeliest ones."""

COLOURS = (*PALETTE[:7], "#222222")
"""Of labels in the row of sure ones: none is grey, which stands for silence."""

_LETTER = 0.0075  # of the width of the picture


def check_plot(path: Path) -> None:
    """Refuse a picture that could not be made, before anything is listened to.

    Raises:
        InputError: the kind is unknown, or there is no such folder.
        MissingExtraError: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a picture ends in {', '.join(SUFFIXES)}; choose one.")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it first.")
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - an optional part
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"--plot needs matplotlib ({error.name} is missing): pip install"
            " 'tagger-music[plot]' brings it."
        ) from error


def save_taggram(
    track: Path, timeline: Timeline, spec: ModelSpec, out: Path, *, threshold: float | None
) -> None:
    """Draw waveform, scores over time and the sure labels, and save it.

    The colours of the scores (cividis) are made to be read by colour-blind people; labels are
    named in words, not by colour alone.

    Raises:
        InputError: the picture cannot be written.
        DecodeError: the waveform cannot be read again.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional part

    drawn = segments(timeline, spec, threshold=threshold)
    rows = _rows(timeline, {row.label for row in drawn})
    n_labels = len(rows)
    figure = Figure(figsize=(11, 3.2 + 0.3 * n_labels), layout="constrained", dpi=110)
    wave, strip, heat = figure.subplots(
        3, 1, sharex=True, height_ratios=[1.3, 0.42, 0.42 * n_labels]
    )
    _draw_wave(wave, *envelope(track, timeline.duration_s))
    _draw_segments(strip, timeline, drawn)
    _draw_scores(figure, heat, timeline, rows)
    title = sanitise(track.stem)
    title = title if len(title) <= _LONGEST_TITLE else title[:_LONGEST_TITLE] + "…"
    # Two dollar signs in a name are no formula.
    wave.set_title(title, parse_math=False)
    try:
        with warnings.catch_warnings():  # letters that the font lacks are drawn as boxes
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            figure.savefig(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}).") from error


def _rows(timeline: Timeline, sure: set[str | None]) -> list[int]:
    """Indices of the labels that are drawn, the best first."""
    ranked = timeline.ranked()
    return [
        index
        for rank, index in enumerate(ranked)
        if rank < ROWS or timeline.labels[index] in sure
    ]


def envelope(
    track: Path, duration_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """How loud a track is over time.

    Returns:
        Times in seconds, the lowest and the highest sample around each, all (n_columns,).
    """
    window_len = max(16, round(duration_s * _ENVELOPE_RATE / _N_COLUMNS))
    low, high = [], []
    with open_track(track, sample_rate=_ENVELOPE_RATE) as opened:
        for window in opened.windows_full(window_len=window_len, hop_len=window_len):
            low.append(window.min())
            high.append(window.max())
    times = np.linspace(0, duration_s, len(low))
    return times, np.array(low), np.array(high)


def _draw_wave(
    axes: "Axes", times: NDArray[Any], low: NDArray[Any], high: NDArray[Any]
) -> None:
    axes.fill_between(times, low, high, color="#44546a", linewidth=0)
    peak = max(float(np.abs(low).max()), float(np.abs(high).max()), 1e-3)
    axes.set_ylim(-1.05 * peak, 1.05 * peak)
    axes.set_yticks([])
    axes.set_ylabel("waveform", rotation=0, ha="right", va="center")
    axes.tick_params(bottom=False)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _draw_segments(axes: "Axes", timeline: Timeline, drawn: list[Segment]) -> None:
    ranked = [timeline.labels[i] for i in timeline.ranked()]
    sure = [label for label in ranked if label in {row.label for row in drawn}]
    colours = {label: COLOURS[min(rank, 7)] for rank, label in enumerate(sure)}
    for row in drawn:
        length = row.end_s - row.start_s
        if row.label:
            axes.barh(0, length, left=row.start_s, height=1, color=colours[row.label])
            if length > _LETTER * timeline.duration_s * (len(row.label) + 1):
                _name(axes, row.start_s + length / 2, row.label, colours[row.label])
        else:
            axes.barh(
                0, length, left=row.start_s, height=1, color="none", hatch="////",
                edgecolor="#b8bec6", linewidth=0,
            )  # fmt: skip
    axes.set_ylim(-0.5, 0.5)
    axes.set_yticks([0], ["label"])
    axes.tick_params(left=False, bottom=False)
    for side in axes.spines.values():
        side.set_visible(False)


def _name(axes: "Axes", at_s: float, label: str, colour: str) -> None:
    """The label on its bar, dark on light colours and light on dark ones."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    # Luma (ITU-R BT.601): how light a colour looks.
    is_light = 0.299 * red + 0.587 * green + 0.114 * blue > 140
    ink = "#111111" if is_light else "#ffffff"
    axes.text(
        at_s,
        0,
        sanitise(label),
        parse_math=False,
        ha="center",
        va="center",
        color=ink,
        fontsize=9,
    )


def _draw_scores(figure: "Figure", axes: "Axes", timeline: Timeline, order: list[int]) -> None:
    spans = list(timeline.spans())
    edges, columns = [spans[0][0]], []
    for start, end, scores in spans:
        if start > edges[-1] + 1e-3:  # silence in between
            columns.append(np.full(len(order), np.nan))
            edges.append(start)
        columns.append(scores[order])
        edges.append(end)
    rows = np.arange(len(order) + 1) - 0.5
    mesh = axes.pcolormesh(edges, rows, np.stack(columns).T, cmap="cividis", vmin=0, vmax=1)
    axes.set_yticks(range(len(order)), [sanitise(timeline.labels[i]) for i in order])
    axes.invert_yaxis()
    axes.set_facecolor("#d9dde2")
    axes.set_xlim(0, timeline.duration_s)
    ticks = _ticks(timeline.duration_s)
    axes.set_xticks(ticks, [clock(tick) for tick in ticks])
    axes.set_xlabel("time (minutes:seconds); hatched: nothing is sure enough, grey: silence")
    figure.colorbar(mesh, ax=axes, label="score", pad=0.01, fraction=0.03)


def _ticks(duration_s: float) -> list[float]:
    """Round times, about ten of them."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
    step = next((step for step in steps if duration_s / step <= 12), steps[-1])
    return [float(tick) for tick in np.arange(0, duration_s, step)]
