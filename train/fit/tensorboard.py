"""What TensorBoard shows beside the losses: figures, choices, and pictures."""

from collections.abc import Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch import Tensor

from train.config.config import TrainConfig, to_tree
from train.data.batches import Centres, frames_a_window
from train.datasets.base import FeatureSet
from train.evaluation.figures import figures_of
from train.fit.distributed import is_first
from train.fit.plots import confusion_plot, curves_plot, spectrograms_plot

N_SPECTROGRAMS = 4

Array = NDArray[np.float32]


class TensorBoardFigures(Callback):
    """Writes figures after each epoch, and pictures at the start and the end of a fit.

    Fits that are not watched (folds, pretraining) get no pictures, for these take seconds.
    Figures are those of the middle windows of the valid clips, uncalibrated: they show the
    course of a fit. What a model is worth, `tagger evaluate` says.
    """

    def __init__(self, config: TrainConfig, clips: FeatureSet, *, is_watched: bool) -> None:
        self.config, self.clips, self.is_watched = config, clips, is_watched
        self.figures: dict[str, Any] = {}
        self._heard: list[tuple[Tensor, Tensor]] = []
        self._last: tuple[Array, Array] | None = None

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Some clips as the network gets them."""
        writer = _writer(trainer)
        if writer is None or not self.is_watched:
            return
        n_frames = frames_a_window(self.clips, self.config.features_options)
        centres = Centres(self.clips, n_frames=n_frames)
        places = np.unique(np.linspace(0, len(self.clips) - 1, N_SPECTROGRAMS).astype(int))
        shown = {}
        for place in places.tolist():
            x = centres[place].features[None].to(module.device)
            title = f"{self.clips.ids[place]}: {', '.join(_names(self.clips, place))}"
            shown[title] = _features(module, x, is_waveform=self.clips.is_waveform)
        writer.add_figure("train/clips", spectrograms_plot(shown))

    def on_validation_epoch_start(self, _: L.Trainer, __: L.LightningModule) -> None:
        """Nothing is heard yet."""
        self._heard = []

    def on_validation_batch_end(
        self, _: L.Trainer, __: L.LightningModule, outputs: Any, *___: object
    ) -> None:
        """Keep what was heard."""
        self._heard.append((outputs["logits"], outputs["targets"]))

    def on_validation_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """All figures that apply, as curves."""
        logits = _from_all(torch.cat([batch for batch, _ in self._heard]).cpu())
        targets = _from_all(torch.cat([batch for _, batch in self._heard]).cpu())
        self._last = scores_of(logits, targets, kind=self.config.kind)
        if not len(self._last[0]):
            return
        figures = figures_of(
            *self._last, labels=self.clips.labels, kind=self.config.kind, thresholds={}
        )
        self.figures = {k: v for k, v in figures.items() if isinstance(v, float)}
        writer = _writer(trainer)
        if writer is not None:
            for name, value in self.figures.items():
                writer.add_scalar(f"valid/{name}", value, trainer.current_epoch)

    def on_train_epoch_start(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """The learning rate, also where it is constant."""
        writer = _writer(trainer)
        if writer is not None:
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            writer.add_scalar("learning_rate", rate, trainer.current_epoch)

    def on_train_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """The choices beside the figures that they led to, confusion and curves."""
        writer = _writer(trainer)
        if writer is None:
            return
        figures = self.figures or {"loss": float(trainer.callback_metrics["train/label_loss"])}
        named = {f"final/{name}": value for name, value in figures.items()}
        trainer.logger.log_hyperparams(flat(to_tree(self.config)), named)  # type: ignore[union-attr]
        if self._last is None or not len(self._last[0]):
            return
        scores, targets = self._last
        writer.add_figure("valid/curves", curves_plot(scores, targets, self.clips.labels))
        if self.config.kind == "single":
            picture = confusion_plot(scores, targets, self.clips.labels)
            writer.add_figure("valid/confusion", picture)


def scores_of(logits: Tensor, targets: Tensor, *, kind: str) -> tuple[Array, Array]:
    """Uncalibrated scores and targets of the clips whose labels are known.

    Where one label is true, a label that the clip's set does not know is no candidate.
    """
    if kind == "multi":
        return torch.sigmoid(logits).numpy(), targets.numpy()
    known = ~torch.isnan(targets)
    labelled = torch.nan_to_num(targets).sum(dim=1) > 0
    among = logits.masked_fill(~known, -torch.inf)[labelled]
    return torch.softmax(among, dim=1).numpy(), targets[labelled].numpy()


def flat(tree: Mapping[str, Any], *, before: str = "") -> dict[str, Any]:
    """Nested fields as dotted names with plain values."""
    rows: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            rows |= flat(value, before=f"{before}{name}.")
        else:
            plain = isinstance(value, bool | int | float | str)
            rows[before + name] = value if plain else str(value)
    return rows


def _writer(trainer: L.Trainer) -> Any:
    """TensorBoard's writer in the process that writes, else None."""
    logger = trainer.logger
    return logger.experiment if isinstance(logger, TensorBoardLogger) and is_first() else None


@torch.no_grad()
def _features(module: L.LightningModule, x: Tensor, *, is_waveform: bool) -> Array:
    net: Any = module.net
    features = net.front_end(x[:, 0]) if is_waveform else x
    shown: Array = features[0].float().cpu().numpy()
    return shown


def _names(clips: FeatureSet, place: int) -> list[str]:
    has = np.nan_to_num(clips.targets[place]) > 0
    return [
        label for label, is_there in zip(clips.labels, has.tolist(), strict=True) if is_there
    ]


def _from_all(part: Tensor) -> Tensor:
    """The rows of all processes."""
    if not torch.distributed.is_initialized():
        return part
    parts: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, part)
    return torch.cat(parts)
