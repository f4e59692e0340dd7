"""Networks fitted without a part of the clips, so that every clip is heard by one new to it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.calibration.logits import ClipLogits
from train.config.config import TrainConfig
from train.data.folds import fold_of_groups
from train.datasets.base import FeatureSet, join_again
from train.evaluation.run_facts import net_logits
from train.fit.fit import fit
from train.models.network import TaggerNet

Say = Callable[[str], None]
Start = Callable[[TaggerNet], None]


def out_of_fold(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    start: Start | None,
    out: Path,
    say: Say,
    resume: bool = False,
    folds_seed: int | None = None,
) -> ClipLogits | None:
    """Logits of every clip from a network that has not seen it or its neighbours.

    The folds are drawn with the run's own seed, or with `folds_seed`.
    """
    n_folds = config.calibration.folds
    if n_folds < 2 or config.calibration.source == "valid":
        return None
    held_out = clips.from_datasets(config.calibration.datasets or config.datasets)
    always, held = clips.take(np.flatnonzero(~held_out)), clips.take(np.flatnonzero(held_out))
    drawn_with = config.seed if folds_seed is None else folds_seed
    folds = fold_of_groups(held, n_folds=n_folds, seed=drawn_with)
    parts = []
    for fold in range(n_folds):
        rest = held.take(np.flatnonzero(folds != fold))
        net = fit_kept(
            replace(config, seed=config.seed + 1000 * (fold + 1)),
            join_again([rest, always]),
            run_dir=out / f"fold-{fold}",
            on_epoch=epoch_lines(say, f"fold {fold + 1} of {n_folds}", config),
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
    """Fit on all labels there are, forget those that only helped."""
    return kept(fit(config, clips, **options), config, clips)


def kept(net: TaggerNet, config: TrainConfig, clips: FeatureSet) -> TaggerNet:
    """The network with the labels alone that the model will have."""
    net.keep_labels([clips.labels.index(label) for label in kept_labels(config, clips)])
    return net


def _in_order(
    parts: Sequence[ClipLogits], order: NDArray[np.intp], clips: FeatureSet
) -> ClipLogits:
    labels = [logit for part in parts for logit in part.label_logits]
    music = [logit for part in parts for logit in part.music_logits]
    return ClipLogits(
        label_logits=[labels[i] for i in order],
        music_logits=[music[i] for i in order],
        clips=clips,
        device=parts[0].device,
    )


def epoch_lines(say: Say, stage: str, config: TrainConfig) -> Callable[[int, float], None]:
    """Tells the loss of the first, the last and every fifth epoch."""

    def tell(epoch: int, loss: float) -> None:
        if epoch % 5 == 0 or epoch in {1, config.fit.epochs}:
            say(f"{stage}: epoch {epoch} of {config.fit.epochs}, loss {loss:.3f}")

    return tell
