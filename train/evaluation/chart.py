"""A table and pictures of a study's rows, as text."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, ROW, LEFT = 640, 360, 26, 200
BLUE = "#4477aa"


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a Markdown table."""
    cells = [[_text(cell) for cell in row] for row in rows]
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bars_of(title: str, names: Sequence[str], values: Sequence[float | None]) -> str:
    """Horizontal bars as SVG; a value that is not known has none."""
    known = [value for value in values if value is not None]
    most = max([*known, 1e-9])
    height = ROW * (len(names) + 2)
    parts = [_head(height), _title(title)]
    for i, (name, value) in enumerate(zip(names, values, strict=True), start=1):
        y = ROW * i + 6
        long = 0 if value is None else max(0.0, (WIDTH - LEFT - 70) * value / most)
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{long:.1f}" height="18" fill="{BLUE}"/>',
            f'<text x="{LEFT + long + 6:.1f}" y="{y + 14}">{_text(value)}</text>',
        ]
    return "\n".join([*parts, "</svg>"])


def points_of(
    title: str, names: Sequence[str], places: Sequence[tuple[float, float, float | None]]
) -> str:
    """Points as SVG: cost (log scale) to the right, figure upwards, deviation as a line."""
    xs = [math.log10(max(x, 1e-9)) for x, _, _ in places]
    ends = [y + side * (spread or 0) for _, y, spread in places for side in (-1, 1)]
    left, right, low, high = min(xs) - 0.15, max(xs) + 0.45, min(ends) - 0.01, max(ends) + 0.01

    def up(y: float) -> float:
        return HEIGHT - 30 - (HEIGHT - 80) * (y - low) / (high - low)

    parts = [_head(HEIGHT), _title(title)]
    for i in sorted(range(len(xs)), key=xs.__getitem__):
        name, x, (cost, y, spread) = names[i], xs[i], places[i]
        side = (-1) ** (len(parts) // 4)  # names of neighbours stand below and above
        at = round(60 + (WIDTH - 90) * (x - left) / (right - left), 1)
        top, bottom = up(y + (spread or 0)), up(y - (spread or 0))
        parts += [
            f'<path d="M{at} {top:.1f}V{bottom:.1f}" stroke="{BLUE}" stroke-width="2"/>',
            f'<circle cx="{at}" cy="{up(y):.1f}" r="5" fill="{BLUE}"/>',
            f'<text x="{at}" y="{up(y) + 4 + 15 * side:.1f}">{escape(name)}: {y:.3g}</text>',
            f'<text x="{at}" y="{HEIGHT - 12 + 6 * side}" font-size="10">{cost:.3g}</text>',
        ]
    return "\n".join([*parts, "</svg>"])


def _head(height: int) -> str:
    box = f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    return f'{start}\n<rect width="{WIDTH}" height="{height}" fill="white"/>'


def _title(text: str) -> str:
    return f'<text x="8" y="{ROW - 8}" font-weight="bold">{escape(text)}</text>'


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
