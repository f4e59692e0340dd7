"""An evaluation as one HTML page: figures, confusion, and where the network listened."""

import base64
import io
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from train.data.batches import cover
from train.datasets.base import FeatureSet
from train.evaluation.scorer import ClipScorer

N_PICTURES = 6
CELLS = (8, 16)
"""Bands and seconds are covered in so many steps, one cell at a time."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 }
td, th { padding: .2em .6em; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
img { image-rendering: pixelated; width: 384px; height: 160px; margin-right: 1em }
.bar { background: #47a; height: .8em; display: inline-block }
"""


def page_of(record: dict[str, Any], scorer: ClipScorer, clips: FeatureSet) -> str:
    """The whole page; pictures are inside."""
    what = f"{record['dataset']}, split {record['split']}, {record['n_clips']} clips"
    parts = [
        f"<h1>{escape(record['model'])}</h1>",
        f"<p>{escape(what)}</p>",
        _figures(record),
        _labels(record),
        _confusion(record),
        _pictures(record, scorer, clips),
    ]
    head = f'<!doctype html><meta charset="utf-8"><title>tagger</title><style>{STYLE}</style>'
    return head + "\n".join(part for part in parts if part)


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _figures(record: dict[str, Any]) -> str:
    rows = [[escape(k), str(v)] for k, v in record.items() if isinstance(v, float)]
    absent = ", ".join(record["absent_labels"])
    note = f"<p>In no clip: {escape(absent)}</p>" if absent else ""
    return _table(["figure", ""], rows) + note


def _labels(record: dict[str, Any]) -> str:
    names = ["n_clips", "precision", "recall", "f1", "roc_auc", "pr_auc"]
    rows = []
    for label, value in record["per_label"].items():
        width = 10 * (value["pr_auc"] or 0)
        bar = f'<span class="bar" style="width:{width:.1f}em"></span>'
        cells = ["" if value[name] is None else str(value[name]) for name in names]
        rows.append([escape(label), *cells, bar])
    return "<h2>Labels</h2>" + _table(["label", *names, ""], rows)


def _confusion(record: dict[str, Any]) -> str:
    confusion = record.get("confusion")
    if confusion is None:
        return ""
    labels, counts = confusion["labels"], np.array(confusion["rows_true_columns_heard"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = []
    for i, label in enumerate(labels):
        cells = [
            f'<div style="background:rgba(68,119,170,{shares[i, j]:.2f})">{counts[i, j]}</div>'
            for j in range(len(labels))
        ]
        rows.append([escape(label), *cells])
    title = "<h2>Confusion</h2><p>Rows: what it is. Columns: what was heard.</p>"
    return title + _table(["", *labels], rows)


def _pictures(record: dict[str, Any], scorer: ClipScorer, clips: FeatureSet) -> str:
    if not record["most_wrong"]:
        return ""
    place = {str(name): i for i, name in enumerate(clips.ids.tolist())}
    about = (
        "Left the features of the middle window, right how much the score of what was heard"
        " falls when a part is covered (bright: it decided). Time from left to right,"
        f" {_extent(scorer)}."
    )
    parts = [f"<h2>Most wrong</h2><p>{about}</p>"]
    for clip in record["most_wrong"][:N_PICTURES]:
        features = _middle(clips, place[clip["id"]], scorer)
        decided = occlusion(scorer, features, scorer.labels.index(clip["heard"]))
        text = (
            f"{clip['id']}: {', '.join(clip['true'])}, heard {clip['heard']} ({clip['score']})"
        )
        text += f"; what decided most: {_strongest(decided, scorer)}"
        images = _image(features) + _image(decided)
        parts.append(f"<p>{escape(text)}<br>{images}</p>")
    return "".join(parts)


def _extent(scorer: ClipScorer) -> str:
    """What a picture shows, in seconds and bands."""
    options = scorer.config.features_options
    seconds = options.window_len / options.sample_rate
    high = getattr(options, "f_max_hz", None)
    rows = f"{options.n_mels} rows" + (f", up to {high:g} Hz" if high else "")
    return f"{seconds:.1f} s; from below to above {rows}"


def _strongest(decided: NDArray[np.float32], scorer: ClipScorer) -> str:
    """The seconds and the rows of the cell whose covering lowers the score most."""
    options = scorer.config.features_options
    row, column = np.unravel_index(int(decided.argmax()), decided.shape)
    seconds = options.window_len / options.sample_rate / decided.shape[1]
    rows = options.n_mels / decided.shape[0]
    return (
        f"{column * seconds:.1f} to {(column + 1) * seconds:.1f} s,"
        f" rows {row * rows:.0f} to {(row + 1) * rows:.0f}"
    )


def _middle(clips: FeatureSet, i: int, scorer: ClipScorer) -> NDArray[np.float32]:
    """Features of the middle window of a clip, shape (n_mels, n_frames)."""
    windows = cover(clips, i, options=scorer.config.features_options, n_windows=3)
    window: NDArray[np.float32] = windows[len(windows) // 2]
    if not clips.is_waveform:
        return window
    features: NDArray[np.float32] = scorer.features_of(window)[0]
    return features


def occlusion(
    scorer: ClipScorer, features: NDArray[np.float32], label: int
) -> NDArray[np.float32]:
    """How much the score of a label falls when a cell of the features is set to their mean.

    After M. Zeiler and R. Fergus, ECCV 2014.

    Args:
        scorer: what listens.
        features: of one window, shape (n_mels, n_frames).
        label: column of the score.

    Returns:
        The fall for each cell (negative: the score rises), shape `CELLS`.
    """
    n_rows, n_columns = (min(a, b) for a, b in zip(CELLS, features.shape, strict=True))
    rows = np.array_split(np.arange(features.shape[0]), n_rows)
    columns = np.array_split(np.arange(features.shape[1]), n_columns)
    covered = np.repeat(features[None], n_rows * n_columns + 1, axis=0)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            covered[i * n_columns + j, row[0] : row[-1] + 1, column[0] : column[-1] + 1] = (
                features.mean()
            )
    scores = scorer.of_features(covered)[:, label]
    fall: NDArray[np.float32] = (scores[-1] - scores[:-1]).reshape(n_rows, n_columns)
    return fall


def _image(values: NDArray[np.float32]) -> str:
    """A grey picture, the lowest band in the lowest row."""
    low, high = float(values.min()), float(values.max())
    grey = (255 * (values - low) / max(high - low, 1e-9)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey[::-1])).save(buffer, format="PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
