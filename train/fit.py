"""One fit: a Lightning module around the network, and the call that runs it."""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from train.augment import augment, mixup
from train.config import TrainConfig
from train.data import Batch, Crops, balanced_sampler, cover
from train.datasets.base import FeatureSet
from train.models.network import TaggerNet
from train.objective import label_loss, music_loss, teacher_loss

CLIPS_AT_ONCE = 16


class Fit(L.LightningModule):
    """Loss, augmentation and optimiser of one run."""

    def __init__(
        self, net: TaggerNet, config: TrainConfig, *, n_steps: int, n_taught: int = 0
    ) -> None:
        super().__init__()
        self.net, self.config, self.n_steps = net, config, n_steps
        # What a teacher heard is learned from the same embedding as the labels, then dropped.
        self.pupil = nn.Linear(net.body.n_out, n_taught) if n_taught else None
        self.rng = torch.Generator().manual_seed(config.seed)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Augment, blend, and weigh the two losses."""
        fit = self.config.fit
        features, *known = batch
        features = self.augmented(features)
        sizes = [known[0].shape[1], 1, known[2].shape[1]]
        every = torch.cat([known[0], known[1][:, None], known[2]], dim=1)
        features, every = mixup(features, every, self.config.augment, self.rng)
        targets, music, embeddings = every.split(sizes, dim=1)
        embedding = self.net.embed(features)
        logits, music_logit = self.net.head(embedding)
        by_label = label_loss(
            logits, targets, kind=self.config.kind, smoothing=fit.label_smoothing
        )
        by_music = music_loss(music_logit, music[:, 0], smoothing=fit.label_smoothing)
        losses = {"train/label_loss": by_label, "train/music_loss": by_music}
        total: Tensor = by_label + fit.music_weight * by_music
        if self.pupil is not None and fit.teacher_weight > 0:
            losses["train/teacher_loss"] = teacher_loss(self.pupil(embedding), embeddings)
            total = total + fit.teacher_weight * losses["train/teacher_loss"]
        self.log_dict(losses, on_step=False, on_epoch=True)
        return total

    def augmented(self, features: Tensor) -> Tensor:
        """Augment the frames that the body will look at; the others are filled in again."""
        step = getattr(self.net.body, "decimate", 1)
        seen = augment(features[:, :, ::step], self.config.augment, self.rng)
        return seen.repeat_interleave(step, dim=2)[:, :, : features.shape[2]]

    def configure_optimizers(self) -> Any:
        """AdamW under one cycle of the learning rate."""
        fit = self.config.fit
        optimiser = torch.optim.AdamW(
            self.parameters(), lr=fit.learning_rate, weight_decay=fit.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=fit.learning_rate, total_steps=self.n_steps, pct_start=0.2
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLogits:
    """Logits of each clip's windows, and what is true of the clip."""

    label_logits: list[NDArray[np.float32]]
    music_logits: list[NDArray[np.float32]]
    clips: FeatureSet

    def take(self, index: NDArray[np.intp]) -> "ClipLogits":
        """The logits of the clips at `index`."""
        return ClipLogits(
            label_logits=[self.label_logits[i] for i in index],
            music_logits=[self.music_logits[i] for i in index],
            clips=self.clips.take(index),
        )


def fit(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    run_dir: Path,
    on_epoch: Callable[[int, float], None] | None = None,
    prepare: Callable[[TaggerNet], object] | None = None,
) -> TaggerNet:
    """Fit a network to `clips`; the result carries the averaged weights.

    Args:
        config: the run.
        clips: what to learn from, all of it.
        run_dir: where the curves go.
        on_epoch: called after each epoch with its number and its loss.
        prepare: called with the fresh network, to load weights that were learned before.
    """
    L.seed_everything(config.seed, verbose=False)
    loader = _loader(config, clips)
    net = TaggerNet(config.network(), n_labels=len(clips.labels))
    if prepare is not None:
        prepare(net)
    if config.fit.epochs == 0:
        return net.eval()
    # Channels last is what oneDNN's and cuDNN's fastest convolutions want: 1.6 times on CPU.
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    n_taught = 0 if clips.embeddings is None else clips.embeddings.shape[1]
    module = Fit(net, config, n_steps=config.fit.epochs * len(loader), n_taught=n_taught)
    averaging = EMAWeightAveraging(decay=config.fit.average_decay)
    callbacks: list[Callback] = [averaging]
    if on_epoch is not None:
        callbacks.append(_Progress(on_epoch))
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    trainer = L.Trainer(
        max_epochs=config.fit.epochs,
        accelerator="auto",
        devices=1,
        logger=TensorBoardLogger(run_dir, name="", version="curves"),
        callbacks=callbacks,
        gradient_clip_val=config.fit.gradient_clip,
        precision=_precision(config.fit.precision),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
    with warnings.catch_warnings():
        # Lightning advises worker processes; the features are in memory and need none.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        trainer.fit(module, loader)
    net.eval().cpu()
    return net


def _precision(asked: str) -> Any:
    if asked != "auto":
        return asked
    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - there is no public question
    return "bf16-mixed" if fast else "32-true"


def _loader(config: TrainConfig, clips: FeatureSet) -> DataLoader[Any]:
    n_frames = config.features_options.n_frames
    sampler = balanced_sampler(
        clips,
        share_not_genre=config.fit.share_not_genre,
        n_samples=config.fit.clips_an_epoch,
        seed=config.seed,
    )
    return DataLoader(
        Crops(clips, n_frames=n_frames, seed=config.seed),
        batch_size=config.fit.batch_size,
        sampler=sampler,
        drop_last=config.fit.clips_an_epoch > config.fit.batch_size,
    )


class _Progress(Callback):
    def __init__(self, on_epoch: Callable[[int, float], None]) -> None:
        self.on_epoch = on_epoch

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        loss = float(trainer.callback_metrics["train/label_loss"])
        self.on_epoch(trainer.current_epoch + 1, loss)


@torch.no_grad()
def predict(net: TaggerNet, clips: FeatureSet, *, n_windows: int) -> ClipLogits:
    """Logits of evenly spread windows of every clip, uncalibrated."""
    n_frames = net.options.features_options.n_frames
    labels, music = [], []
    for start in range(0, len(clips), CLIPS_AT_ONCE):
        rows = range(start, min(start + CLIPS_AT_ONCE, len(clips)))
        windows = [cover(clips, i, n_frames=n_frames, n_windows=n_windows) for i in rows]
        batch = torch.from_numpy(np.concatenate(windows))
        label_logits, music_logit = net.logits(batch)
        sizes = [len(one) for one in windows]
        labels += [part.numpy() for part in label_logits.split(sizes)]
        music += [part[:, 0].numpy() for part in music_logit.split(sizes)]
    return ClipLogits(label_logits=labels, music_logits=music, clips=clips)
