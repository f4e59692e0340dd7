"""`tagger evaluate`: a checkpoint or a model on a split, as a record, a table or a page."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.errors import InputError
from tagger.model.label_tree import line_above
from train.config.config import TrainConfig, from_tree, to_tree
from train.data.load_clips import load_clips
from train.datasets.audio import SPLIT_NAMES
from train.datasets.base import FeatureSet
from train.evaluation.figures import figures_of, most_wrong
from train.evaluation.page import page_of
from train.evaluation.scorer import ClipScorer, open_scorer

Say = Callable[[str], None]
Array = NDArray[np.float32]

_ROUNDING = 0.02
"""As far as a score in half precision may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Figures, and what they were made from, for the page."""

    record: dict[str, Any]
    scorer: ClipScorer
    clips: FeatureSet
    scores: Array


def evaluate_model(
    path: Path,
    overrides: Mapping[str, Any],
    *,
    data: Path,
    split: str,
    prepared: Path,
    say: Say,
) -> Evaluation:
    """Measure on the labels that model and data share.

    Args:
        path: `best.pt` of a run, or an exported `.onnx`.
        overrides: `datasets` (needed for a model), `metadata`, `partial`, and so on.
        data: the folder that holds the datasets.
        split: train, valid or test.
        prepared: where decoded recordings are kept.
        say: told what is left out.

    Raises:
        InputError: no dataset is named, the split is empty, or no label is shared.
    """
    scorer = open_scorer(path)
    config = config_for(scorer, overrides)
    clips = load_clips(config, data, prepared=prepared, say=say)
    split_name = SPLIT_NAMES.get(split)
    clips = clips.split(split_name or split)
    if split_name is None or len(clips) == 0:
        raise InputError(f"--split {split}: {clips.name} has no clip there.")
    scorer = replace(scorer, config=config)
    return evaluate_clips(scorer, clips, split=split_name, say=say)


def config_for(scorer: ClipScorer, overrides: Mapping[str, Any]) -> TrainConfig:
    """The scorer's own configuration with the data that it is to be measured on.

    Raises:
        InputError: a model is to be measured and no dataset is named.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    if scorer.net is None and "datasets" not in given:
        raise InputError("--dataset is needed: a model does not say where its data lie.")
    tree = to_tree(scorer.config)
    for name, value in given.items():
        part, _, inner = name.partition(".")
        tree[part] = {**tree[part], inner: value} if inner else value
    if scorer.net is not None:
        return from_tree(tree)
    # A model's options are lengths only, whatever its front end is.
    return replace(from_tree({**tree, "features": "mel"}), features=scorer.config.features)


def evaluate_clips(
    scorer: ClipScorer, clips: FeatureSet, *, split: str, say: Say
) -> Evaluation:
    """Figures of one set of clips on the labels that are shared."""
    shared = [label for label in scorer.labels if label in clips.labels]
    if not shared:
        raise InputError(
            f"{scorer.name}: knows {', '.join(scorer.labels)}; {clips.name} has"
            f" {', '.join(clips.labels)}. They share no label."
        )
    left_out = sorted({*scorer.labels, *clips.labels} - set(shared))
    if left_out:
        say(f"left out, not known to both: {', '.join(left_out)}")
    targets = clips.targets[:, [clips.labels.index(label) for label in shared]]
    kind = "multi" if "multi" in (scorer.config.kind, clips.kind) else "single"
    known = ~np.isnan(targets).all(axis=1)
    if kind == "single":
        known &= np.nansum(targets, axis=1) > 0
    if not known.any():
        raise InputError(f"{clips.name}: no clip of {split} has one of {', '.join(shared)}.")
    clips, targets = clips.take(np.flatnonzero(known)), targets[known]
    scores = scorer.clip_scores(clips)[:, [scorer.labels.index(label) for label in shared]]
    if kind == "single":
        scores = as_labelled(scores, shared, scorer.config.parents)
    figures = figures_of(
        scores, targets, labels=shared, kind=kind, thresholds=scorer.thresholds
    )
    if figures["absent_labels"]:
        say(f"in no clip of {split}: {', '.join(figures['absent_labels'])}")
    record = {
        "model": scorer.name,
        "dataset": clips.name,
        "split": split,
        "kind": kind,
        **figures,
        "left_out_labels": left_out,
        "thresholds": {label: scorer.thresholds.get(label, 0.5) for label in shared},
        "most_wrong": most_wrong(scores, targets, clips.ids.tolist(), shared),
    }
    return Evaluation(record=record, scorer=scorer, clips=clips, scores=scores)


def as_labelled(scores: Array, labels: Sequence[str], parents: Mapping[str, str]) -> Array:
    """Scores that exclude one another, where a model adds to a label those of all below it.

    A clip has one label, so what counts for rock is what is rock and none of its children;
    otherwise a parent would always stand in front of them.

    Args:
        scores: shape (n_clips, n_labels).
        labels: names of the columns; a child of one that is none counts for the next above.
        parents: a label to the one above it.

    Returns:
        The same shape; the same scores where a child has more than its parent, which none has
        of a model that adds them.
    """
    own = scores.copy()
    for column, label in enumerate(labels):
        above = [labels.index(up) for up in line_above(label, parents) if up in labels]
        if not above:
            continue
        if (scores[:, column] > scores[:, above[0]] + _ROUNDING).any():
            return scores
        own[:, above[0]] -= scores[:, column]
    return np.maximum(own, 0)


def show_json(evaluation: Evaluation) -> str:
    """The record as one JSON object."""
    return json.dumps(evaluation.record, ensure_ascii=False)


def show_table(evaluation: Evaluation) -> str:
    """The record as text: figures, then one line a label, then what is most wrong."""
    record = evaluation.record
    lines = [f"{record['dataset']}, split {record['split']}: {record['n_clips']} clips", ""]
    plain = {k: v for k, v in record.items() if isinstance(v, float) or k == "n_clips"}
    lines += [f"  {name:<20} {value}" for name, value in plain.items()]
    columns = ("n_clips", "precision", "recall", "f1", "roc_auc", "pr_auc")
    lines += ["", f"  {'':<20} " + " ".join(f"{column:>7}" for column in columns)]
    for label, row in record["per_label"].items():
        cells = " ".join(
            f"{'-' if row[column] is None else row[column]:>{max(7, len(column))}}"
            for column in columns
        )
        lines.append(f"  {label:<20} {cells}")
    if record["most_wrong"]:
        lines += ["", "  most wrong:"]
        lines += [
            f"  {row['id']}: {', '.join(row['true'])}, heard {row['heard']} ({row['score']})"
            for row in record["most_wrong"][:10]
        ]
    return "\n".join(lines)


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the record as a page with pictures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = page_of(evaluation.record, evaluation.scorer, evaluation.clips)
    path.write_text(text, encoding="utf-8")
