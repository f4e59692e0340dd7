"""`tagger study NAME`: questions that take several runs; each ends with table and picture.

compare   runs side by side: size, cost, figures
length    how a figure falls as clips become shorter (the mean of several runs)
rare      a figure against the number of training clips of each label
transfer  a model on another dataset, through a map of labels
bodies    each body fitted alike, with several seeds
features  the same body fitted on each front end, then compared
distil    a student against its teachers, label by label
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tagger.errors import InputError
from train.config.config import load_config
from train.data.load_clips import load_clips
from train.datasets.base import FeatureSet
from train.evaluation.chart import bars_of, table_of
from train.evaluation.cost import cost_ms, n_parameters
from train.evaluation.evaluate import config_for, evaluate_clips
from train.evaluation.scorer import ClipScorer, open_scorer
from train.experiments import bodies as of_bodies
from train.experiments.distil import COLUMNS, compared, rows_of
from train.experiments.front_ends import options_like
from train.experiments.sweep import Sweep, run_one
from train.features import FRONT_ENDS
from train.teachers.taught import lessons_for

Say = Callable[[str], None]

SECONDS = (29.0, 10.0, 5.0, 3.0, 1.0, 0.5)
FIGURES = ("accuracy", "f1_macro", "roc_auc", "pr_auc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a study is asked.

    Attributes:
        paths: checkpoints, models or folders of runs; for `bodies`, names of bodies.
        overrides: dotted fields, as in `tagger train`.
        config_path: a YAML file for studies that train.
        data: the folder that holds the datasets.
        prepared: where decoded recordings are kept.
        split: that is measured on.
        labels: label of the data -> label of the model, for `transfer`.
        out: where table, record and picture go.
        say: told how far it is.
        n_seeds: runs of each variant, for `bodies`.
    """

    paths: Sequence[Path]
    overrides: Mapping[str, Any]
    config_path: Path | None
    data: Path
    prepared: Path
    split: str
    labels: Mapping[str, str]
    out: Path
    say: Say
    n_seeds: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A table; `column` is the one that the picture shows."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    column: str


def run_study(name: str, question: Question) -> str:
    """Answer a question; returns the table, and writes NAME.md, .json and .svg.

    Raises:
        InputError: the study is unknown, or what it needs is missing.
    """
    if name not in STUDIES:
        raise InputError(f"study {name}: choose one of {', '.join(STUDIES)}.")
    if name not in FITTING and not question.paths:
        raise InputError(f"study {name}: name a checkpoint, a model or the folder of a run.")
    answer = STUDIES[name](question)
    table = table_of(answer.columns, answer.rows)
    shown = answer.columns.index(answer.column)
    names = [str(row[0]) for row in answer.rows]
    question.out.mkdir(parents=True, exist_ok=True)
    (question.out / f"{name}.md").write_text(table + "\n", encoding="utf-8")
    records = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    (question.out / f"{name}.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
    picture = bars_of(f"{name}: {answer.column}", names, [row[shown] for row in answer.rows])
    (question.out / f"{name}.svg").write_text(picture, encoding="utf-8")
    return table


def compare(question: Question) -> Answer:
    """Runs side by side: parameters, cost of a minute of audio on one thread, figures."""
    rows = []
    for path in question.paths:
        scorer = _scorer(path)
        clips = _clips(scorer, question)
        figures = _figures(scorer, clips, question)
        rows.append([_short(path), n_parameters(scorer), cost_ms(scorer), *figures])
    columns = ("run", "parameters", "ms a minute", *FIGURES)
    return Answer(columns=columns, rows=rows, column=_first_known(columns, rows))


def length(question: Question) -> Answer:
    """The middle of each clip, ever shorter; less than a window is repeated, as in a scan.

    Of several runs, as of several seeds, the mean.
    """
    networks = [(path, _clips(path, question)) for path in map(_scorer, question.paths)]
    rows = []
    for seconds in SECONDS:
        lengths = [
            _figures(network, shortened(clips, network, seconds), question)
            for network, clips in networks
        ]
        rows.append(
            [f"{seconds:g} s", *(_mean(values) for values in zip(*lengths, strict=True))]
        )
    columns = ("length", *FIGURES)
    return Answer(columns=columns, rows=rows, column=_first_known(columns, rows))


def rare(question: Question) -> Answer:
    """Labels by the number of their training clips, the rarest first."""
    scorer = _scorer(question.paths[0])
    every = load_clips(
        config_for(scorer, question.overrides),
        question.data,
        prepared=question.prepared,
        say=question.say,
    )
    learned = np.nansum(every.split("train").targets, axis=0)
    count = dict(zip(every.labels, learned.astype(int).tolist(), strict=True))
    measured = evaluate_clips(
        scorer, every.split(question.split), split=question.split, say=question.say
    )
    rows = [
        [label, count[label], value["n_clips"], value["f1"], value["roc_auc"], value["pr_auc"]]
        for label, value in measured.record["per_label"].items()
    ]
    rows.sort(key=lambda row: row[1])
    columns = ("label", "train clips", "measured clips", "f1", "roc_auc", "pr_auc")
    return Answer(columns=columns, rows=rows, column="pr_auc")


def transfer(question: Question) -> Answer:
    """Each model on data that it does not come from, on the labels that they share."""
    rows = []
    for path in question.paths:
        scorer = _scorer(path)
        clips = _clips(scorer, question)
        names = tuple(question.labels.get(label, label) for label in clips.labels)
        if len(set(names)) < len(names):
            raise InputError("study transfer: the map gives two labels of the data one name.")
        figures = _figures(scorer, replace(clips, labels=names), question)
        rows.append([_short(path), ", ".join(n for n in names if n in scorer.labels), *figures])
    columns = ("model", "labels", *FIGURES)
    return Answer(columns=columns, rows=rows, column=_first_known(columns, rows))


def bodies(question: Question) -> Answer:
    """One run a body and seed, all else alike; finished runs are not run again."""
    names = [str(path) for path in question.paths] or list(of_bodies.EVERY)
    seeds = range(1, question.n_seeds + 1)
    fits = of_bodies.fitted(_sweep(question), names, seeds)
    records = [of_bodies.record_of(name, runs, question.split) for name, runs in fits.items()]
    rows = [of_bodies.row_of(record) for record in records]
    columns = of_bodies.COLUMNS
    return Answer(columns=columns, rows=rows, column=_first_known(columns, rows))


def _sweep(question: Question) -> Sweep:
    return Sweep(
        config_path=question.config_path,
        overrides=question.overrides,
        data=question.data,
        prepared=question.prepared,
        out=question.out,
        splits=(question.split,),
        say=question.say,
    )


def features(question: Question) -> Answer:
    """One run a front end, all else alike, then `compare`; finished runs are not run again."""
    sweep = _sweep(question)
    like = load_config(question.config_path, {**question.overrides, "features": "mel"})
    for name in FRONT_ENDS:
        options = options_like(name, like.features_options)
        run_one(sweep, name, {"features": name, "features_options": options})
    return compare(replace(question, paths=[question.out / name for name in FRONT_ENDS]))


def distil(question: Question) -> Answer:
    """A student against its teachers: how well it follows them, label by label."""
    if len(question.paths) > 1:
        raise InputError("study distil: one run or model at a time.")
    path = question.paths[0]
    scorer = _scorer(path)
    config = config_for(scorer, question.overrides)
    data, prepared, say = question.data, question.prepared, question.say
    clips = _split_of(load_clips(config, data, prepared=prepared, say=say), question)
    clips = lessons_for(config, clips, data, prepared=prepared, say=say)
    run = path if path.is_dir() else path.parent
    rows = rows_of(compared(replace(scorer, config=config), run, clips))
    return Answer(columns=COLUMNS, rows=rows, column="correlation")


STUDIES: dict[str, Callable[[Question], Answer]] = {
    "compare": compare,
    "length": length,
    "rare": rare,
    "transfer": transfer,
    "bodies": bodies,
    "features": features,
    "distil": distil,
}
FITTING = ("bodies", "features")
"""Studies that make the runs that they look at."""


def shortened(clips: FeatureSet, scorer: ClipScorer, seconds: float) -> FeatureSet:
    """The middle of each clip, at most `seconds` long and at least one frame."""
    options = scorer.config.features_options
    unit = 1 if clips.is_waveform else options.hop_len
    n_frames = max(1, round(seconds * options.sample_rate / unit))
    cut = []
    for i, feature in enumerate(clips.features):
        n_columns = max(1, n_frames // int(clips.n_repeats[i]))
        start = max(0, feature.shape[1] - n_columns) // 2
        cut.append(feature[:, start : start + n_columns])
    return replace(clips, features=cut, coded=None)


def _scorer(path: Path) -> ClipScorer:
    return open_scorer(path / "best.pt" if path.is_dir() else path)


def _short(path: Path) -> str:
    return path.name if path.is_dir() or path.stem != "best" else path.parent.name


def _clips(scorer: ClipScorer, question: Question) -> FeatureSet:
    config = config_for(scorer, question.overrides)
    clips = load_clips(config, question.data, prepared=question.prepared, say=question.say)
    return _split_of(clips, question)


def _split_of(clips: FeatureSet, question: Question) -> FeatureSet:
    chosen = clips.split(question.split)
    if len(chosen) == 0:
        raise InputError(f"--split {question.split}: {clips.name} has no clip there.")
    return chosen


def _figures(scorer: ClipScorer, clips: FeatureSet, question: Question) -> list[float | None]:
    record = evaluate_clips(scorer, clips, split=question.split, say=question.say).record
    return [record.get(name) for name in FIGURES]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def _first_known(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The first figure that every row has."""
    for i, name in enumerate(columns):
        if name in FIGURES and all(row[i] is not None for row in rows):
            return name
    return columns[-1]
