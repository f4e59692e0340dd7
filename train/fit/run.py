"""One training run from a configuration to `best.pt`: folds, fit, calibration, figures."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from train.calibration.beside import check_beside, facts_with, with_beside
from train.calibration.cross_validation import (
    Say,
    Start,
    epoch_lines,
    fit_kept,
    kept,
    kept_labels,
    measured,
    out_of_fold,
)
from train.calibration.logits import ClipLogits
from train.calibration.measured_run import calibrate_and_measure, figures_of_branches
from train.config.checks import check_choices
from train.config.config import TrainConfig, load_config
from train.config.saved import off_in
from train.data.load_clips import load_to_learn
from train.data.turns import alone
from train.datasets.base import FeatureSet
from train.evaluation.run_facts import data_facts, versions
from train.fit.branches import fit_branches
from train.fit.continued import check_continues, check_free, forget_fits
from train.fit.distributed import is_first
from train.fit.initial_weights import (
    CONFIG,
    Places,
    learned_before,
    like,
    places_of,
    start_of,
    teachers_before,
    write_run,
    write_text,
)
from train.fit.learnable import learnable
from train.fit.seen_clips import SeenSplits, marked, seen_by_start, warning
from train.models import checkpoint
from train.models.network import TaggerNet
from train.teachers.taught import lessons_for, teacher_facts

UNREADABLE = "unreadable.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that is ready to learn; an experiment changes it, or goes on where it has ended.

    Attributes:
        config: whole, with what it left to the data.
        clips: of all splits, with lessons.
        where: its places.
        start: what puts learned weights into a fresh network; None for random ones.
        seen: clips that the start may have learned from.
        say: told how far it is, one line at a time.
        resume: what an interrupted run has left in its folder is gone on from.
    """

    config: TrainConfig
    clips: FeatureSet
    where: Places
    start: Start | None
    seen: SeenSplits
    say: Say
    resume: bool


def resume_training(run: Path, overrides: Mapping[str, Any], *, say: Say) -> Path:
    """Go on with an interrupted run, to the same result as if it had not been interrupted.

    Args:
        run: its folder.
        overrides: what is to be different, as in `{"fit.epochs": 20}`.
        say: told how far it is.

    Raises:
        InputError: the folder is not that of a run, or another process is in it.
    """
    where = places_of(run)
    changes = {**off_in(run / CONFIG), **overrides}
    with alone_in(run):
        return finish(begin(run / CONFIG, changes, where, say=say, resume=True))


def run_training(
    config_path: Path | None,
    overrides: Mapping[str, Any],
    where: Places,
    *,
    say: Say,
    resume: bool = False,
    force: bool = False,
) -> Path:
    """Fit, calibrate, measure, save; returns the path of `best.pt`.

    Args:
        config_path: a YAML file, or None for the defaults.
        overrides: dotted fields that lie over it; None is no choice.
        where: what is read and written.
        say: told how far it is, one line at a time.
        resume: go on where an interrupted run in `where.out` stopped.
        force: take the place of a model that `where.out` holds.

    Raises:
        InputError: the configuration or the data cannot be used, the folder holds a model, or
            another run is fitting in it.
    """
    with alone_in(where.out):
        run = begin(config_path, overrides, where, say=say, resume=resume, force=force)
        return finish(run)


def alone_in(out: Path) -> AbstractContextManager[None]:
    """Keep other runs out of a run's folder; its own further processes come in.

    Raises:
        InputError: another run is in it, or it cannot be written.
    """
    return alone(out) if is_first() else nullcontext()


def begin(
    config_path: Path | None,
    overrides: Mapping[str, Any],
    where: Places,
    *,
    say: Say,
    resume: bool = False,
    force: bool = False,
    experiment: str = "",
) -> Run:
    """All that comes before learning; arguments and errors are those of `run_training`.

    The run's folder then holds the configuration. `experiment` is what will change the run:
    it cannot be resumed without it.
    """
    say = say if is_first() else _silent
    if is_first() and not (resume or force):
        check_free(where.out)
    config = load_config(config_path, like(where.start_from, config_path, overrides))
    check_choices(config, start_from=where.start_from)
    if experiment and config.fit.branches > 1:
        raise InputError(
            f"fit.branches: the experiment {experiment} fits in a way of its own; set"
            " fit.branches=1."
        )
    run = _with_clips(config, where, say=say, resume=resume)
    if is_first():
        if resume:
            check_continues(where.out, run.config)
        else:
            forget_fits(where.out)
        write_run(run.config, where, experiment=experiment)
        list_unreadable(where.out, run.clips)
    if (warned := warning(run.seen, run.config)) is not None:
        say(warned)
    return run


def reopened(out: Path) -> Run:
    """A run whose folder another process of it has begun; nothing in it is written.

    Raises:
        InputError: as of `begin`.
    """
    where = places_of(out)
    path = out / CONFIG
    config = load_config(path, like(where.start_from, path, off_in(path)))
    return _with_clips(config, where, say=_silent, resume=True)


def _with_clips(config: TrainConfig, where: Places, *, say: Say, resume: bool) -> Run:
    """Load what it learns from, with what teachers say of it."""
    clips = load_to_learn(config, where.data, prepared=where.prepared, say=say)
    config = learnable(config, clips, say=say)
    clips = lessons_for(config, clips, where.data, prepared=where.prepared, say=say)
    check_beside(config, clips)
    seen = seen_by_start(config, where.start_from)
    start = start_of(where.start_from, clips.labels)
    return Run(
        config=config, clips=clips, where=where, start=start, seen=seen, say=say, resume=resume
    )


def finish(run: Run, *, more_facts: Mapping[str, Any] | None = None) -> Path:
    """Fit, calibrate, measure and save; returns the path of `best.pt`.

    Args:
        run: as it begins, or as an experiment has changed it.
        more_facts: what an experiment has to say of the model.
    """
    net, unseen = _fitted(run)
    if is_first():
        more = dict(more_facts or {})
        if run.config.fit.branches > 1:
            more["branches"] = figures_of_branches(run.where.out, run.config, run.clips)
            run.say(f"each branch alone: {json.dumps(more['branches'])}")
        keep(run, net, unseen, more_facts=more)
    return run.where.out / checkpoint.BEST


def keep(
    run: Run,
    net: TaggerNet,
    unseen: ClipLogits | None,
    *,
    more_facts: Mapping[str, Any] | None = None,
) -> None:
    """Calibrate and measure a network, and save it as the run's.

    Args:
        run: whose configuration and clips it has.
        net: fitted, with the labels that are kept.
        unseen: what networks that had not heard them said of the train clips, or None.
        more_facts: what an experiment has to say of the model.
    """
    facts = marked(_facts_of(run, net, unseen), run.seen) | dict(more_facts or {})
    run.say(json.dumps(facts.get("metrics", {})))
    _save(run, net, facts)


def _fitted(run: Run) -> tuple[TaggerNet, ClipLogits | None]:
    """The network, and what networks that had not heard them say of the train clips."""
    learned, valid = run.clips.split("train"), run.clips.split("valid")
    options: dict[str, Any] = {"resume": run.resume}
    out, say = run.where.out, run.say
    if run.config.fit.branches > 1:
        options |= {"prepare": run.start, "valid": valid}
        net = fit_branches(run.config, learned, out=out, say=say, **options)
        return kept(net, run.config, learned), None
    unseen = out_of_fold(run.config, learned, start=run.start, out=out, say=say, **options)
    options |= {"prepare": run.start, "on_epoch": epoch_lines(say, "fit", run.config)}
    return fit_kept(run.config, learned, run_dir=out, valid=valid, **options), unseen


def list_unreadable(out: Path, clips: FeatureSet) -> None:
    """Name the recordings without sound in the run's folder; no file if there are none."""
    path = out / UNREADABLE
    path.unlink(missing_ok=True)
    if clips.unreadable:
        path.write_text("".join(f"{line}\n" for line in clips.unreadable), encoding="utf-8")


def _facts_of(run: Run, net: TaggerNet, unseen: ClipLogits | None) -> dict[str, Any]:
    """Calibrate and measure the network; returns what is to be said of it."""
    start_from = run.where.start_from
    teachers = teachers_before(start_from) + teacher_facts(run.config, run.where.data)
    before = learned_before(start_from)
    valid = measured(run.config, run.clips.split("valid"))
    return {
        "data": data_facts(run.config, run.clips, before=before, teachers=teachers),
        "versions": versions(),
        **calibrate_and_measure(net, run.config, unseen, valid),
    }


def _save(run: Run, net: TaggerNet, facts: dict[str, Any]) -> None:
    """Write best.pt and facts.json."""
    config, labels = run.config, kept_labels(run.config, run.clips)
    if config.beside:
        valid = measured(config, run.clips.split("valid"))
        net, kept = with_beside(
            net, config, labels, valid, thresholds=facts["thresholds"], run_dir=run.where.out
        )
        facts = facts_with(facts, kept)
        labels = (*labels, *(label.label for label in kept))
        run.say(
            f"beside them: {', '.join(fit.label for fit in kept) or 'none that can be shown'}"
        )
    save_run(run, net, labels, facts)


def save_run(
    run: Run, net: TaggerNet, labels: tuple[str, ...], facts: Mapping[str, Any]
) -> None:
    """Write best.pt and facts.json into the run's folder."""
    done = checkpoint.Checkpoint(net, run.config, labels, facts)
    path = run.where.out / checkpoint.BEST
    branches = run.config.fit.branches > 1  # whose mean has no optimiser, and no last epoch
    checkpoint.save(done, path, training={} if branches else checkpoint.training_of(path))
    write_text(run.where.out / "facts.json", json.dumps(dict(facts), indent=1))


def _silent(_: str) -> None:
    """Further processes of one run say nothing."""
