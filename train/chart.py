"""A table and a picture of a study's rows, as text."""

from collections.abc import Sequence
from html import escape
from typing import Any

WIDTH, ROW, LEFT = 640, 26, 200
BLUE = "#4477aa"


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a Markdown table."""
    cells = [[_text(one) for one in row] for row in rows]
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bars_of(title: str, names: Sequence[str], values: Sequence[float | None]) -> str:
    """Horizontal bars as SVG; a value that is not known has none."""
    known = [one for one in values if one is not None]
    most = max([*known, 1e-9])
    height = ROW * (len(names) + 2)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'{head} font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="8" y="{ROW - 8}" font-weight="bold">{escape(title)}</text>',
    ]
    for i, (name, value) in enumerate(zip(names, values, strict=True), start=1):
        y = ROW * i + 6
        long = 0 if value is None else max(0.0, (WIDTH - LEFT - 70) * value / most)
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{long:.1f}" height="18" fill="{BLUE}"/>',
            f'<text x="{LEFT + long + 6:.1f}" y="{y + 14}">{_text(value)}</text>',
        ]
    return "\n".join([*parts, "</svg>"])


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
