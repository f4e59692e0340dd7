"""One training run from a configuration to `best.pt`: folds, fit, calibration, figures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from tagger.errors import InputError
from train import checkpoint
from train.calibrate import clip_scores, fit_calibration
from train.config import TrainConfig, load_config
from train.datasets import FeatureSet
from train.datasets.base import join_again
from train.facts import (
    calibration_facts,
    calibration_of,
    data_facts,
    measure,
    net_logits,
    versions,
)
from train.fit import ClipLogits, fit
from train.folds import fold_of_groups
from train.head import refit_head
from train.load import check_learnable, load_clips, resolved
from train.models.network import TaggerNet
from train.start import CONFIG, body_of, like, places_of, write_run

Say = Callable[[str], None]
Start = Callable[[TaggerNet], None]


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
        overrides,
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
    config = load_config(config_path, like(start_from, overrides))
    out.mkdir(parents=True, exist_ok=True)
    clips = load_clips(config, data, prepared=prepared, say=say)
    config = resolved(config, clips, say=say)
    write_run(out, config, data=data, prepared=prepared, start_from=start_from)
    learned, valid = clips.split("train"), clips.split("valid")
    check_learnable(learned)
    say(f"{len(learned)} clips to learn from, {len(clips.labels)} labels")
    start = pretrained(config, data, prepared=prepared, out=out, say=say)
    start = start or body_of(start_from)
    unseen = out_of_fold(config, learned, start=start, out=out, say=say, resume=resume)
    net = fit_kept(
        config,
        learned,
        run_dir=out,
        on_epoch=_teller(say, "fit", config),
        prepare=start,
        valid=valid,
        resume=resume,
    )
    facts = {
        "data": data_facts(config, clips),
        "versions": versions(),
        **judged(net, config, unseen, measured(config, valid)),
    }
    say(json.dumps(facts.get("metrics", {})))
    done = checkpoint.Checkpoint(net, config, kept_labels(config, clips), facts)
    checkpoint.save(done, out / "best.pt")
    (out / "facts.json").write_text(json.dumps(facts, indent=1))
    return out / "best.pt"


def judged(
    net: TaggerNet, config: TrainConfig, unseen: ClipLogits | None, valid: FeatureSet
) -> dict[str, Any]:
    """Calibrate the network; returns its thresholds and figures, those of valid among them."""
    facts = calibrated(net, config, unseen, valid)
    if len(valid) and "valid" not in facts.get("metrics", {}):
        logits = net_logits(net, valid, config)
        scores = clip_scores(logits, calibration_of(net), kind=config.kind)
        facts["metrics"] = facts.get("metrics", {}) | {"valid": measure(scores, valid)}
    return facts


def calibrated(
    net: TaggerNet, config: TrainConfig, unseen: ClipLogits | None, valid: FeatureSet
) -> dict[str, Any]:
    """Fit and apply the calibration; returns what is to be said of it."""
    if unseen is not None:
        calibration = fit_calibration(unseen, kind=config.kind)
        calibration.apply(net)
        return calibration_facts(unseen, calibration, config)
    if config.calibration.source == "valid" and has_every_label(valid):
        heard = net_logits(net, valid, config)
        calibration = fit_calibration(heard, kind=config.kind)
        calibration.apply(net)
        return calibration_facts(heard, calibration, config)
    return {"thresholds": dict.fromkeys(valid.labels, 0.5)}


def has_every_label(clips: FeatureSet) -> bool:
    """Whether each label occurs: then a calibration on these clips means something."""
    return len(clips) > 0 and bool((np.nansum(clips.targets, axis=0) > 0).all())


def pretrained(
    config: TrainConfig, data: Path, *, prepared: Path, out: Path, say: Say
) -> Start | None:
    """Fit on other data first; returns what puts its body into a fresh network.

    The result is kept in the run's folder and used again by a run that was interrupted.
    """
    earlier = config.pretrain
    if earlier is None:
        return None
    path = out / "pretrained.pt"
    if not (path.is_file() and checkpoint.load(path).config == earlier):
        clips = load_clips(earlier, data, prepared=prepared, say=say).split("train")
        say(f"pretraining on {len(clips)} clips")
        before = pretrained(earlier, data, prepared=prepared, out=out / "pretrain", say=say)
        tell = _teller(say, "pretraining", earlier)
        net = fit(earlier, clips, run_dir=out / "pretrain", on_epoch=tell, prepare=before)
        checkpoint.save(checkpoint.Checkpoint(net, earlier, clips.labels, {}), path)
    weights = checkpoint.load(path).net.state_dict()

    def start(net: TaggerNet) -> None:
        kept = {name: value for name, value in weights.items() if name.startswith("body.")}
        missing, unexpected = net.load_state_dict(kept, strict=False)
        if unexpected or any(name.startswith("body.") for name in missing):
            raise InputError("pretrain: its body is not that of this configuration")

    return start


def out_of_fold(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    start: Start | None,
    out: Path,
    say: Say,
    resume: bool = False,
) -> ClipLogits | None:
    """Logits of every clip from a network that has not seen it or its neighbours."""
    n_folds = config.calibration.folds
    if n_folds < 2 or config.calibration.source == "valid":
        return None
    held_out = clips.from_datasets(config.calibration.datasets or config.datasets)
    always, held = clips.take(np.flatnonzero(~held_out)), clips.take(np.flatnonzero(held_out))
    folds = fold_of_groups(held, n_folds=n_folds, seed=config.seed)
    parts = []
    for fold in range(n_folds):
        rest = held.take(np.flatnonzero(folds != fold))
        net = fit_kept(
            replace(config, seed=config.seed + 1000 * (fold + 1)),
            join_again([rest, always]),
            run_dir=out / f"fold-{fold}",
            on_epoch=_teller(say, f"fold {fold + 1} of {n_folds}", config),
            prepare=start,
            resume=resume,
        )
        unseen = measured(config, held.take(np.flatnonzero(folds == fold)))
        parts.append(net_logits(net, unseen, config))
    order = np.argsort(np.concatenate([np.flatnonzero(folds == f) for f in range(n_folds)]))
    return _in_order(parts, order, measured(config, held))


def kept_labels(config: TrainConfig, clips: FeatureSet) -> tuple[str, ...]:
    """The labels that the model will have."""
    return config.labels or clips.labels


def measured(config: TrainConfig, clips: FeatureSet) -> FeatureSet:
    """The clips that figures are computed on, with the kept labels alone."""
    chosen = clips.from_datasets(config.calibration.datasets or config.datasets)
    return clips.take(np.flatnonzero(chosen)).only_labels(kept_labels(config, clips))


def fit_kept(config: TrainConfig, clips: FeatureSet, **options: Any) -> TaggerNet:
    """Fit on all labels there are, forget those that only helped, fit the head once more."""
    net = fit(config, clips, **options)
    net.keep_labels([clips.labels.index(label) for label in kept_labels(config, clips)])
    if config.head.refit:
        refit_head(net, measured(config, clips), config.head, config.augment)
    return net


def _in_order(
    parts: Sequence[ClipLogits], order: NDArray[np.intp], clips: FeatureSet
) -> ClipLogits:
    labels = [one for part in parts for one in part.label_logits]
    music = [one for part in parts for one in part.music_logits]
    return ClipLogits(
        label_logits=[labels[i] for i in order],
        music_logits=[music[i] for i in order],
        clips=clips,
    )


def _teller(say: Say, stage: str, config: TrainConfig) -> Callable[[int, float], None]:
    def tell(epoch: int, loss: float) -> None:
        if epoch % 5 == 0 or epoch in {1, config.fit.epochs}:
            say(f"{stage}: epoch {epoch} of {config.fit.epochs}, loss {loss:.3f}")

    return tell
