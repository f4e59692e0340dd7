"""One fit: what it learns from, what watches it, and the call that runs it."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from tagger.errors import InputError
from train.config.config import TrainConfig, to_tree
from train.config.in_fit import FitOptions
from train.data.batches import Batch
from train.data.loaders import training_loader, watched_loader
from train.datasets.base import FeatureSet
from train.fit.averaging import Averaging
from train.fit.callbacks import (
    LAST,
    KeepBest,
    KeepLast,
    OnEpoch,
    Progress,
    StopAfter,
    StopAtNan,
)
from train.fit.continued import last_of
from train.fit.distributed import device_here, is_first, rank
from train.fit.memory import keep_freed_memory
from train.fit.module import Fit
from train.fit.objective import rarity_weights
from train.fit.schedule import VALID_LOSS
from train.fit.tensorboard import TensorBoardFigures
from train.models.network import TaggerNet
from train.teachers.probe import KIND as POSTERIOR
from train.teachers.pupil import keep_pupil

ADVICE = (
    ".*does not have many workers.*",  # fit.n_workers are for that
    ".*have no `val_dataloader`.*",  # folds have none
    ".*smaller than the logging interval.*",  # every epoch has its figure
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",  # Lightning's own code
)
"""What Lightning warns of and nobody need change."""


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
    """Fit a network to `clips`; it carries the averaged weights, on the device of the fit.

    Args:
        config: the run.
        clips: what to learn from, all of it.
        run_dir: where the curves, last.pt and best.pt go.
        on_epoch: called after each epoch with its number and its loss.
        prepare: called with the fresh network, to load weights that were learned before.
        valid: clips whose loss is followed; early stopping and `plateau` need them.
        resume: go on from run_dir/last.pt if it is there.

    Raises:
        InputError: the loss is no number, the GPU's memory is too small, `valid` is missing,
            or last.pt was learned with other choices.
    """
    L.seed_everything(config.seed, verbose=False)
    loader = training_loader(config, clips)
    net = network_for(config, clips.labels)
    if prepare is not None:
        prepare(net)
    if config.fit.epochs == 0:
        return net.eval().to(device_here())
    # Channels last is what oneDNN's and cuDNN's fastest convolutions want: 1.6 times on CPU.
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module = _module(net, config, clips)
    watched = watched_loader(config, valid)
    best = None if watched is None else KeepBest(config.fit.patience)
    last = last_of(run_dir, config) if resume else None
    if last is not None and _is_over(config.fit, last):
        _take_over(last, module, best)
    else:
        callbacks = _callbacks(config, clips, run_dir, loader, module, best, on_epoch)
        _run(config, module, loader, watched, callbacks=callbacks, run_dir=run_dir, last=last)
    if best is not None and best.weights is not None:
        module.load_state_dict(best.weights)
    net.requires_grad_(True).eval().to(device_here())
    if clips.lessons is not None and module.pupil is not None and is_first():
        parts = [part for part in clips.lessons.parts if part.kind != POSTERIOR]
        keep_pupil(run_dir, module.pupil, parts, n_before=module.n_taught)
    return net


def _is_over(options: FitOptions, last: Mapping[str, Any]) -> bool:
    """Whether an interrupted fit had come to its end, or to where it is to stop."""
    n_epochs: int = last["epoch"] + 1
    return n_epochs >= (options.stop_epoch or options.epochs)


def _take_over(finished: Mapping[str, Any], module: Fit, best: KeepBest | None) -> None:
    """Take the weights of a finished fit: those of its best epoch if it kept any."""
    module.load_state_dict(finished["state_dict"])
    if best is not None and best.state_key in finished["callbacks"]:
        best.load_state_dict(finished["callbacks"][best.state_key])


def _callbacks(
    config: TrainConfig,
    clips: FeatureSet,
    run_dir: Path,
    loader: DataLoader[Batch],
    module: Fit,
    best: KeepBest | None,
    on_epoch: OnEpoch | None,
) -> list[Callback]:
    """In their order: what needs the averaged weights stands before the averaging."""
    run_dir.mkdir(parents=True, exist_ok=True)
    averaging = Averaging(config.fit.average_decay)
    callbacks: list[Callback] = [] if best is None else [best]
    if config.fit.patience > 0:
        # After validation, so that last.pt, which is written later, knows of it.
        callbacks.append(
            EarlyStopping(
                VALID_LOSS, patience=config.fit.patience, check_on_train_epoch_end=False
            )
        )
    callbacks += [
        averaging,
        StopAtNan(),
        TensorBoardFigures(config, clips, is_watched=best is not None),
    ]
    if on_epoch is not None:
        callbacks.append(Progress(on_epoch))
    sampler: Any = loader.sampler
    generators = {
        "augment": module.rng,
        "sampler": sampler.clips.generator,
        "crops": sampler.rng,
    }
    facts = {"config": to_tree(config), "labels": list(clips.labels)}
    if config.fit.stop_epoch:
        callbacks.append(StopAfter(config.fit.stop_epoch))
    return [*callbacks, KeepLast(run_dir, facts, generators, best)]


def network_for(config: TrainConfig, labels: Sequence[str]) -> TaggerNet:
    """A fresh network of a run, for all labels of its clips."""
    among = config.parents_among(labels)
    return TaggerNet(config.network(), n_labels=len(labels), among=among)


def _module(net: TaggerNet, config: TrainConfig, clips: FeatureSet) -> Fit:
    n_taught = 0 if clips.embeddings is None else clips.embeddings.shape[1]
    lessons = () if clips.lessons is None else clips.lessons.parts
    module = Fit(net, config, n_taught=n_taught, lessons=lessons, is_waveform=clips.is_waveform)
    if config.fit.label_weights and config.kind == "multi":
        module.weights = rarity_weights(torch.from_numpy(clips.targets))
    return module


def _run(
    config: TrainConfig,
    module: Fit,
    loader: DataLoader[Batch],
    watched: DataLoader[Batch] | None,
    *,
    callbacks: list[Callback],
    run_dir: Path,
    last: Mapping[str, Any] | None,
) -> None:
    if device_here().type == "cpu":
        keep_freed_memory()
    trainer = trainer_for(config, callbacks=callbacks, run_dir=run_dir)
    try:
        learn(trainer, module, loader, watched, last=None if last is None else run_dir / LAST)
    except torch.OutOfMemoryError as error:
        raise InputError(_too_big(config.fit.batch_size)) from error


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep Lightning from talking to who trains, and leave it to others as it was."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        for advice in ADVICE:
            warnings.filterwarnings("ignore", message=advice)
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@_without_advice()
def learn(
    trainer: L.Trainer,
    module: Fit,
    loader: DataLoader[Batch],
    watched: DataLoader[Batch] | None = None,
    *,
    last: Path | None = None,
) -> None:
    """What `Trainer.fit` does, without its advice.

    Args:
        trainer: as `trainer_for` makes it.
        module: what learns.
        loader: of what is learned from.
        watched: of clips whose loss is followed.
        last: the checkpoint of an interrupted fit, from which it goes on.
    """
    trainer.fit(module, loader, watched, ckpt_path=last, weights_only=True)


def _too_big(batch_size: int) -> str:
    message = f"the GPU has too little memory for batches of {batch_size}; "
    if batch_size == 1:
        return message + "take a shorter window (features_options.n_frames) or a smaller body."
    smaller = batch_size // 2
    return message + f"try --set fit.batch_size={smaller} --set fit.accumulate=2."


@_without_advice()
def trainer_for(config: TrainConfig, *, callbacks: list[Callback], run_dir: Path) -> L.Trainer:
    """Lightning's trainer as the configuration asks for it.

    Raises:
        InputError: more devices are asked for than there are GPUs.
    """
    n_devices = config.fit.devices
    if torch.cuda.is_available():
        if n_devices > torch.cuda.device_count():
            raise InputError(f"--devices {n_devices}: {torch.cuda.device_count()} GPUs found.")
        torch.cuda.set_per_process_memory_fraction(config.fit.gpu_memory_fraction, rank())
    return L.Trainer(
        max_epochs=config.fit.epochs,
        accelerator="auto",
        devices=n_devices,
        # A frozen body, or a teacher without weight, leaves parameters without a gradient.
        strategy="auto" if n_devices == 1 else "ddp_find_unused_parameters_true",
        logger=TensorBoardLogger(run_dir, name="", version="curves", default_hp_metric=False),
        callbacks=callbacks,
        gradient_clip_val=config.fit.gradient_clip,
        accumulate_grad_batches=config.fit.accumulate,
        precision=precision_of(config.fit.precision),
        deterministic=config.fit.deterministic,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
    )


def precision_of(asked: str) -> Any:
    """What Lightning is asked for: bf16-mixed for `auto` where the hardware multiplies it."""
    if asked != "auto":
        return asked
    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # There is no public question.
        fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001
    return "bf16-mixed" if fast else "32-true"
