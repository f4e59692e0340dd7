"""What happens around the epochs of a fit: telling, stopping, keeping."""

import copy
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from tagger.errors import InputError
from train.fit.distributed import rank
from train.fit.schedule import VALID_LOSS, keep_length
from train.models.checkpoint import BEST, read

LAST = "last.pt"
OnEpoch = Callable[[int, float], None]


class Progress(Callback):
    """Tells the number and the loss of each epoch."""

    def __init__(self, on_epoch: OnEpoch, loss: str = "train/label_loss") -> None:
        self.on_epoch, self.loss = on_epoch, loss

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """After an epoch."""
        loss = float(trainer.callback_metrics[self.loss])
        self.on_epoch(trainer.current_epoch + 1, loss)


class StopAfter(Callback):
    """Stops after so many epochs, while the learning rate falls as in the whole fit."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """After an epoch."""
        if trainer.current_epoch + 1 >= self.n_epochs:
            trainer.should_stop = True


class StopAtNan(Callback):
    """A loss that is no number ends the run at once, with the place named."""

    def on_train_batch_end(
        self, trainer: L.Trainer, _: L.LightningModule, outputs: Any, *__: object
    ) -> None:
        """After a step.

        Raises:
            InputError: the loss is not finite.
        """
        loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        if not bool(torch.isfinite(loss)):
            raise InputError(
                f"the loss became {float(loss)} in epoch {trainer.current_epoch + 1}, step"
                f" {trainer.global_step}; lower fit.learning_rate, or look for clips that are"
                " not sound. The last whole epoch is in last.pt."
            )


class KeepBest(Callback):
    """Knows the epoch with the lowest valid loss.

    With `patience` > 0 it keeps the averaged weights of that epoch, which a fit that Lightning
    stops (`EarlyStopping`) goes back to.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.lowest, self.epoch = float("inf"), 0
        self.weights: dict[str, Tensor] | None = None
        self._heard: dict[str, Tensor] = {}

    def on_validation_epoch_end(self, _: L.Trainer, module: L.LightningModule) -> None:
        """While the averaged weights are still in place; their figure is known a bit later."""
        if self.patience > 0:
            state = module.state_dict()
            self._heard = {name: value.detach().cpu().clone() for name, value in state.items()}

    def on_validation_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """After the clips that are not learned from were heard."""
        loss = float(trainer.callback_metrics[VALID_LOSS])
        if loss < self.lowest:
            self.lowest, self.epoch = loss, trainer.current_epoch + 1
            self.weights = self._heard or None

    def is_chosen(self, epoch: int) -> bool:
        """Whether an epoch, counted from 1, is the one that a fit would end with by now."""
        return self.patience == 0 or self.epoch == epoch

    def figure(self) -> dict[str, float]:
        """The best figure so far."""
        return {"valid_loss": self.lowest, "epoch": self.epoch}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed fit must know."""
        return {name: getattr(self, name) for name in ("lowest", "epoch", "weights")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        for name, value in state_dict.items():
            setattr(self, name, value)


class KeepLast(Callback):
    """Writes last.pt after each epoch: all that is needed to go on as if nothing happened.

    Beside Lightning's own state these are the configuration, the label names, the best figure
    and the states of every generator of random numbers. If the epoch is the one that the fit
    would end with, best.pt is the same file until the run is done.
    """

    def __init__(
        self,
        run_dir: Path,
        facts: Mapping[str, Any],
        generators: Mapping[str, Any],
        best: KeepBest | None,
    ) -> None:
        self.run_dir, self.facts = run_dir, dict(facts)
        self.generators = dict(generators)
        self.best = best
        self.restored: dict[str, Any] | None = None

    def on_train_epoch_end(self, trainer: L.Trainer, _: L.LightningModule) -> None:
        """Write beside, then move: the files are whole whenever the run is killed."""
        temporary = self.run_dir / f".{LAST}.tmp"
        trainer.save_checkpoint(temporary)
        if not trainer.is_global_zero:
            return
        if self.best is None or self.best.is_chosen(trainer.current_epoch + 1):
            copied = self.run_dir / f".{BEST}.tmp"
            shutil.copyfile(temporary, copied)
            os.replace(copied, self.run_dir / BEST)  # noqa: PTH105 - says better what it does
        os.replace(temporary, self.run_dir / LAST)  # noqa: PTH105

    def on_save_checkpoint(
        self, _: L.Trainer, __: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add what Lightning does not know."""
        states = {name: _state_of(generator) for name, generator in self.generators.items()}
        states |= _torch_states()
        checkpoint["tagger"] = self.facts | {
            "generators": states,
            "best": None if self.best is None else self.best.figure(),
        }
        if torch.distributed.is_initialized():
            every: list[Any] = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(every, states)
            checkpoint["tagger"]["generators_by_rank"] = every

    def on_load_checkpoint(
        self, _: L.Trainer, __: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take the states out again; they are set when the first epoch begins."""
        kept = checkpoint["tagger"]
        by_rank = kept.get("generators_by_rank", [])
        # A run that goes on with more devices has no state for the further ones.
        self.restored = by_rank[rank()] if rank() < len(by_rank) else kept["generators"]
        keep_length(checkpoint["lr_schedulers"])

    def on_train_start(self, _: L.Trainer, __: L.LightningModule) -> None:
        """Nothing is drawn between here and the first batch."""
        if self.restored is None:
            return
        for name, generator in self.generators.items():
            _restore(generator, self.restored[name])
        _restore_torch(self.restored)
        # An unbroken run draws a seed for the workers it does not have when an epoch begins.
        torch.empty((), dtype=torch.int64).random_()
        self.restored = None


def _torch_states() -> dict[str, Any]:
    """Of torch's own generators: a GPU's draws what dropout leaves out there."""
    states: dict[str, Any] = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _restore_torch(states: Mapping[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    # A run may go on elsewhere, and what was kept before 2026-11-28 has no state of a GPU.
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def _state_of(generator: Any) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    return copy.deepcopy(generator.bit_generator.state)


def _restore(generator: Any, state: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state


def read_last(run_dir: Path) -> dict[str, Any]:
    """The content of last.pt.

    Raises:
        InputError: the run has none, or it cannot be read.
    """
    path = run_dir / LAST
    needed = "--resume takes the folder of a run that finished an epoch"
    if not path.exists():
        raise InputError(f"{path}: not found; {needed}.")
    return read(path, taken=needed)
