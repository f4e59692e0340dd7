"""One training run from a configuration to `best.pt`: folds, fit, calibration, figures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tagger.errors import InputError
from train.calibration.beside import check_beside, facts_with, with_beside
from train.calibration.cross_validation import (
    Say,
    Start,
    fit_kept,
    kept_labels,
    last_fitted,
    measured,
    out_of_fold,
    teller,
)
from train.calibration.judge import judged
from train.calibration.logits import ClipLogits
from train.config.checks import check_choices, check_kind, check_labels, check_unseen
from train.config.config import TrainConfig, load_config
from train.config.saved import off_in
from train.data.load import check_learnable, load_clips, resolved
from train.datasets.base import FeatureSet
from train.evaluation.run_facts import data_facts, versions
from train.experiments.ensemble import softened
from train.fit.distributed import is_first
from train.fit.initial_weights import (
    CONFIG,
    beginning,
    learned_before,
    like,
    places_of,
    teachers_before,
    write_run,
)
from train.fit.seen_clips import SeenSplits, heard_by_start, marked, warning
from train.models import checkpoint
from train.models.network import TaggerNet
from train.teachers.taught import lessons_for, teacher_facts

UNREADABLE = "unreadable.txt"


def resume_training(run: Path, overrides: Mapping[str, Any], *, say: Say) -> Path:
    """Go on with an interrupted run, to the same result as if it had not been interrupted.

    Args:
        run: its folder.
        overrides: what is to be different, as in `{"fit.epochs": 20}`.
        say: told how far it is.

    Raises:
        InputError: the folder is not that of a run.
    """
    places = places_of(run)
    data, prepared = places["data"], places["prepared"]
    if data is None or prepared is None:
        raise InputError(f"{run}: does not say where its data are.")
    return run_training(
        run / CONFIG,
        {**off_in(run / CONFIG), **overrides},
        data=data,
        out=run,
        say=say,
        start_from=places["start_from"],
        prepared=prepared,
        resume=True,
    )


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """`field=value` pairs of the command line; values are read as YAML.

    Raises:
        InputError: a pair has no equals sign.
    """
    parsed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set {pair}: write it as field=value, as in fit.batch_size=16.")
        parsed[name.strip()] = yaml.safe_load(value)
    return parsed


def run_training(
    config_path: Path | None,
    overrides: Mapping[str, Any],
    *,
    data: Path,
    out: Path,
    say: Say,
    start_from: Path | None = None,
    prepared: Path = Path("prepared"),
    resume: bool = False,
) -> Path:
    """Fit, calibrate, measure, save.

    Args:
        config_path: a YAML file, or None for the defaults.
        overrides: dotted fields that lie over it; None is no choice.
        data: the folder that holds the datasets.
        out: the run's folder; made if need be.
        say: told how far it is, one line at a time.
        start_from: a checkpoint whose front end and body are where learning begins.
        prepared: where decoded recordings are kept.
        resume: go on where an interrupted run in `out` stopped.

    Returns:
        The path of `best.pt`.

    Raises:
        InputError: the configuration or the data cannot be used.
    """
    say = say if is_first() else _silent
    config = load_config(config_path, like(start_from, overrides))
    check_choices(config, start_from=start_from)
    config, clips, seen = _begun(
        config, out, data=data, prepared=prepared, start_from=start_from, say=say
    )
    start = beginning(config, start_from, data=data, prepared=prepared, out=out, say=say)
    clips, members = softened(
        config, clips, start=start, out=out, say=say, teller=teller, resume=resume
    )
    net, unseen = _fitted(config, clips, start=start, out=out, say=say, resume=resume)
    if is_first():
        facts = _judged(net, config, clips, unseen, start_from=start_from, data=data)
        facts = marked(facts, seen) | ({"members": members} if members else {})
        say(json.dumps(facts.get("metrics", {})))
    if config.last_fit:
        net = last_fitted(config, clips, net, start=start, out=out, say=say, resume=resume)
    if is_first():
        _save(net, config, clips, facts, out=out, say=say)
    return out / checkpoint.BEST


def _begun(
    config: TrainConfig,
    out: Path,
    *,
    data: Path,
    prepared: Path,
    start_from: Path | None,
    say: Say,
) -> tuple[TrainConfig, FeatureSet, SeenSplits]:
    """The whole configuration, the clips with lessons, and which the start may have seen.

    The run's folder then holds the configuration; a warning about the seen ones is told.
    """
    clips = load_clips(config, data, prepared=prepared, say=say)
    config = learnable(config, clips, say=say)
    clips = lessons_for(config, clips, data, prepared=prepared, say=say)
    check_beside(config, clips)
    if is_first():
        write_run(out, config, data=data, prepared=prepared, start_from=start_from)
        list_unreadable(out, clips)
    seen = heard_by_start(config, start_from)
    if (warned := warning(seen, config)) is not None:
        say(warned)
    return config, clips, seen


def _fitted(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    start: Start | None,
    out: Path,
    say: Say,
    resume: bool,
) -> tuple[TaggerNet, ClipLogits | None]:
    """The network, and what networks that had not heard them say of the train clips."""
    learned, valid = clips.split("train"), clips.split("valid")
    unseen = out_of_fold(config, learned, start=start, out=out, say=say, resume=resume)
    tell = teller(say, "fit", config)
    options: dict[str, Any] = {"prepare": start, "resume": resume, "on_epoch": tell}
    return fit_kept(config, learned, run_dir=out, valid=valid, **options), unseen


def learnable(config: TrainConfig, clips: FeatureSet, *, say: Say) -> TrainConfig:
    """The configuration with what it left to the data, once both fit together.

    Raises:
        InputError: they do not.
    """
    config = resolved(config, clips, say=say)
    check_kind(config)
    check_unseen(config)
    check_labels(config, clips)
    learned = clips.split("train")
    check_learnable(learned)
    say(f"{len(learned)} clips to learn from, {len(clips.labels)} labels")
    return config


def list_unreadable(out: Path, clips: FeatureSet) -> None:
    """Name the recordings without sound in the run's folder; no file if there are none."""
    path = out / UNREADABLE
    path.unlink(missing_ok=True)
    if clips.unreadable:
        path.write_text("".join(f"{line}\n" for line in clips.unreadable), encoding="utf-8")


def _judged(
    net: TaggerNet,
    config: TrainConfig,
    clips: FeatureSet,
    unseen: ClipLogits | None,
    *,
    start_from: Path | None,
    data: Path,
) -> dict[str, Any]:
    """Calibrate and measure the network; returns what is to be said of it."""
    teachers = teachers_before(start_from) + teacher_facts(config, data)
    before = learned_before(start_from)
    return {
        "data": data_facts(config, clips, before=before, teachers=teachers),
        "versions": versions(),
        **judged(net, config, unseen, measured(config, clips.split("valid"))),
    }


def _save(
    net: TaggerNet,
    config: TrainConfig,
    clips: FeatureSet,
    facts: dict[str, Any],
    *,
    out: Path,
    say: Say,
) -> None:
    """Write best.pt and facts.json."""
    labels = kept_labels(config, clips)
    if config.beside:
        valid = measured(config, clips.split("valid"))
        net, kept = with_beside(
            net, config, labels, valid, thresholds=facts["thresholds"], run_dir=out
        )
        facts = facts_with(facts, kept)
        labels = (*labels, *(one.label for one in kept))
        say(f"beside them: {', '.join(one.label for one in kept) or 'none that can be shown'}")
    done = checkpoint.Checkpoint(net, config, labels, facts)
    path = out / checkpoint.BEST
    checkpoint.save(done, path, training=checkpoint.training_of(path))
    (out / "facts.json").write_text(json.dumps(facts, indent=1))


def _silent(_: str) -> None:
    """Further processes of one run say nothing."""
