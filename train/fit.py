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

from tagger.errors import InputError
from train.augment import augment, mixup
from train.augment_waves import augment_waves, mask_features, mix_waves
from train.callbacks import LAST, KeepBest, KeepLast, OnEpoch, Progress, StopAtNan, read_last
from train.config import TrainConfig, to_tree
from train.data import Batch, cover, frames_a_window
from train.datasets.base import FeatureSet
from train.loaders import training_loader, watched_loader
from train.models.network import TaggerNet
from train.objective import label_loss, music_loss, rarity_weights, teacher_loss
from train.schedule import VALID_LOSS, optimisation

CLIPS_AT_ONCE = 16


class Fit(L.LightningModule):
    """Loss, augmentation and optimiser of one run."""

    def __init__(
        self,
        net: TaggerNet,
        config: TrainConfig,
        *,
        n_steps: int,
        n_taught: int = 0,
        is_waveform: bool = False,
    ) -> None:
        super().__init__()
        self.net, self.config, self.n_steps = net, config, n_steps
        self.is_waveform = is_waveform
        self.weights: Tensor | None = None
        # What a teacher heard is learned from the same embedding as the labels, then dropped.
        self.pupil = nn.Linear(net.body.n_out, n_taught) if n_taught else None
        # Lightning's `auto` takes the GPU when there is one; what is drawn is drawn there.
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.rng = torch.Generator(device).manual_seed(config.seed)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Augment, blend, and weigh the two losses."""
        fit = self.config.fit
        features, *known = batch
        sizes = [known[0].shape[1], 1, known[2].shape[1]]
        every = torch.cat([known[0], known[1][:, None], known[2]], dim=1)
        features, every = self._blended(features, every)
        targets, music, embeddings = every.split(sizes, dim=1)
        embedding = self.net.embed(features)
        logits, music_logit = self.net.head(embedding)
        by_label = self._label_loss(logits, targets)
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

    def _blended(self, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Augmented features and their targets; recordings become features on the way.

        In full precision whatever the fit's is: half of it buries all that is quiet.
        """
        with torch.autocast(x.device.type, enabled=False):
            return self._blended_in_full(x, targets)

    def _blended_in_full(self, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        options = self.config.augment
        if not self.is_waveform:
            return mixup(self.augmented(x), targets, options, self.rng)
        waves = augment_waves(x[:, 0], options, self.rng)
        waves, targets = mix_waves(waves, targets, options, self.rng)
        features = self.net.front_end(waves)
        if self.net.front_end.scale == "db":
            return self.augmented(features), targets
        return mask_features(features, options, self.rng), targets

    def _label_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        fit = self.config.fit
        return label_loss(
            logits,
            targets,
            kind=self.config.kind,
            smoothing=fit.label_smoothing,
            weights=None if self.weights is None else self.weights.to(logits.device),
            focal_gamma=fit.focal_gamma,
        )

    def validation_step(self, batch: Batch, _: int) -> None:
        """The loss on clips that are not learned from, as they are."""
        x, targets, *_rest = batch
        with torch.autocast(x.device.type, enabled=False):  # as in `_blended`
            features = self.net.front_end(x[:, 0]) if self.is_waveform else x
        loss = self._label_loss(self.net.logits(features)[0], targets)
        self.log(VALID_LOSS, loss, batch_size=len(x))

    def on_train_epoch_start(self) -> None:
        """For the first epochs of a fine-tuning the head learns alone."""
        learns = self.current_epoch >= self.config.fit.freeze
        for part in (self.net.front_end, self.net.normalise, self.net.body):
            part.requires_grad_(learns)
            part.train(learns)  # frozen batch statistics stay as well

    def configure_optimizers(self) -> Any:
        """AdamW under the schedule of the configuration."""
        return optimisation(self.parameters(), self.config.fit, n_steps=self.n_steps)


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
    on_epoch: OnEpoch | None = None,
    prepare: Callable[[TaggerNet], object] | None = None,
    valid: FeatureSet | None = None,
    resume: bool = False,
) -> TaggerNet:
    """Fit a network to `clips`; the result carries the averaged weights.

    Args:
        config: the run.
        clips: what to learn from, all of it.
        run_dir: where the curves and last.pt go.
        on_epoch: called after each epoch with its number and its loss.
        prepare: called with the fresh network, to load weights that were learned before.
        valid: clips whose loss is followed; early stopping and `plateau` need them.
        resume: go on from run_dir/last.pt if it is there.

    Raises:
        InputError: the loss is no number, the GPU's memory is too small, or `valid` is needed.
    """
    L.seed_everything(config.seed, verbose=False)
    loader = training_loader(config, clips)
    net = TaggerNet(config.network(), n_labels=len(clips.labels))
    if prepare is not None:
        prepare(net)
    if config.fit.epochs == 0:
        return net.eval()
    # Channels last is what oneDNN's and cuDNN's fastest convolutions want: 1.6 times on CPU.
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = _module(net, config, clips, n_batches=len(loader))
    watched = watched_loader(config, valid)
    best = KeepBest(config.fit.patience) if config.fit.patience > 0 else None
    callbacks: list[Callback] = [] if best is None else [best]
    callbacks += [EMAWeightAveraging(decay=config.fit.average_decay), StopAtNan()]
    if on_epoch is not None:
        callbacks.append(Progress(on_epoch))
    callbacks.append(_keep_last(run_dir, config, clips, loader=loader, rng=module.rng))
    last = run_dir / LAST if resume and (run_dir / LAST).is_file() else None
    if last is not None and read_last(run_dir)["epoch"] + 1 >= config.fit.epochs:
        module.load_state_dict(read_last(run_dir)["state_dict"])  # it was finished
    else:
        _run(config, module, loader, watched, callbacks=callbacks, run_dir=run_dir, last=last)
    if best is not None and best.weights is not None:
        module.load_state_dict(best.weights)
    net.requires_grad_(True).eval().cpu()
    return net


def _keep_last(
    run_dir: Path,
    config: TrainConfig,
    clips: FeatureSet,
    *,
    loader: DataLoader[Any],
    rng: torch.Generator,
) -> KeepLast:
    run_dir.mkdir(parents=True, exist_ok=True)
    generators = {
        "augment": rng,
        "sampler": loader.sampler.generator,  # type: ignore[attr-defined]
        "crops": loader.dataset.rng,  # type: ignore[attr-defined]
    }
    facts = {"config": to_tree(config), "labels": list(clips.labels)}
    return KeepLast(run_dir, facts, generators)


def _module(net: TaggerNet, config: TrainConfig, clips: FeatureSet, *, n_batches: int) -> Fit:
    n_taught = 0 if clips.embeddings is None else clips.embeddings.shape[1]
    n_steps = config.fit.epochs * -(-n_batches // config.fit.accumulate)
    module = Fit(net, config, n_steps=n_steps, n_taught=n_taught, is_waveform=clips.is_waveform)
    if config.fit.label_weights and config.kind == "multi":
        module.weights = rarity_weights(torch.from_numpy(clips.targets))
    return module


def _run(
    config: TrainConfig,
    module: Fit,
    loader: DataLoader[Any],
    watched: DataLoader[Any] | None,
    *,
    callbacks: list[Callback],
    run_dir: Path,
    last: Path | None,
) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(config.fit.gpu_memory_fraction)
    trainer = L.Trainer(
        max_epochs=config.fit.epochs,
        accelerator="auto",
        devices=1,
        logger=TensorBoardLogger(run_dir, name="", version="curves"),
        callbacks=callbacks,
        gradient_clip_val=config.fit.gradient_clip,
        accumulate_grad_batches=config.fit.accumulate,
        precision=_precision(config.fit.precision),
        deterministic=config.fit.deterministic,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
    try:
        with warnings.catch_warnings():
            # Lightning advises worker processes; the features are in memory and need none.
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            trainer.fit(module, loader, watched, ckpt_path=last, weights_only=True)
    except torch.OutOfMemoryError as error:
        smaller = max(1, config.fit.batch_size // 2)
        raise InputError(
            f"the GPU has too little memory for batches of {config.fit.batch_size}; try"
            f" --set fit.batch_size={smaller} --set fit.accumulate=2."
        ) from error


def _precision(asked: str) -> Any:
    if asked != "auto":
        return asked
    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - there is no public question
    return "bf16-mixed" if fast else "32-true"


@torch.no_grad()
def predict(net: TaggerNet, clips: FeatureSet, *, n_windows: int) -> ClipLogits:
    """Logits of evenly spread windows of every clip, uncalibrated."""
    n_frames = frames_a_window(clips, net.options.features_options)
    labels, music = [], []
    for start in range(0, len(clips), CLIPS_AT_ONCE):
        rows = range(start, min(start + CLIPS_AT_ONCE, len(clips)))
        windows = [cover(clips, i, n_frames=n_frames, n_windows=n_windows) for i in rows]
        batch = torch.from_numpy(np.concatenate(windows))
        features = net.front_end(batch[:, 0]) if clips.is_waveform else batch
        label_logits, music_logit = net.logits(features)
        sizes = [len(one) for one in windows]
        labels += [part.numpy() for part in label_logits.split(sizes)]
        music += [part[:, 0].numpy() for part in music_logit.split(sizes)]
    return ClipLogits(label_logits=labels, music_logits=music, clips=clips)
