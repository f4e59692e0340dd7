"""The Lightning module of a fit: augmentation, losses, optimiser."""

from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from train.augment.features import augment, mixup
from train.augment.waves import colour, mask_features, mix_waves
from train.config.config import TrainConfig
from train.data.batches import Batch
from train.fit.distributed import device_here, seed_here
from train.fit.objective import label_loss, music_loss, teacher_loss
from train.fit.schedule import VALID_LOSS, optimisation
from train.models.network import TaggerNet
from train.teachers.lessons import Part
from train.teachers.losses import lessons_loss
from train.teachers.probe import KIND as POSTERIOR
from train.teachers.probe import posterior_loss


class Fit(L.LightningModule):
    """Loss, augmentation and optimiser of one run."""

    def __init__(
        self,
        net: TaggerNet,
        config: TrainConfig,
        *,
        n_taught: int = 0,
        lessons: Sequence[Part] = (),
        is_waveform: bool = False,
    ) -> None:
        super().__init__()
        self.net, self.config = net, config
        self.is_waveform = is_waveform
        self.is_one_of_many = config.fit.devices > 1
        self.weights: Tensor | None = None
        # What teachers heard is learned from the same embedding as the labels, then dropped.
        self.lessons, self.n_taught = tuple(lessons), n_taught
        answers = [lesson.stop for lesson in lessons if lesson.kind != POSTERIOR]
        n_out = n_taught + max(answers, default=0)
        self.pupil = nn.Linear(net.body.n_out, n_out) if n_out else None
        # What is drawn is drawn where it is used.
        self.rng = torch.Generator(device_here()).manual_seed(seed_here(config.seed))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Augment, blend, and weigh the two losses."""
        fit = self.config.fit
        batch = self._blended_batch(batch)
        embedding = self.net.embed(batch.features)
        logits = self.net.head(embedding)
        by_label = self._label_loss(logits.labels, batch.targets, batch.counts)
        by_music = music_loss(logits.music, batch.music, smoothing=fit.label_smoothing)
        losses = {"train/label_loss": by_label, "train/music_loss": by_music}
        total: Tensor = fit.label_weight * by_label + fit.music_weight * by_music
        by_probe = posterior_loss(logits.labels, batch.taught[:, self.n_taught :], self.lessons)
        if by_probe is not None:
            losses["train/probe_loss"] = by_probe
            total = total + by_probe
        if self.pupil is not None:
            by_teachers = self._teachers_loss(self.pupil(embedding).float(), batch.taught)
            losses |= {f"train/{name}": loss for name, loss in by_teachers.items()}
            total = total + sum(by_teachers.values())
        self.log_dict(losses, on_step=False, on_epoch=True, sync_dist=self.is_one_of_many)
        return total

    def _teachers_loss(self, predicted: Tensor, taught: Tensor) -> dict[str, Tensor]:
        """Weighted losses by name: of a set's own embeddings, and of each teacher."""
        n, weight = self.n_taught, self.config.fit.teacher_weight
        of_teachers = [lesson for lesson in self.lessons if lesson.kind != POSTERIOR]
        losses = lessons_loss(predicted[:, n:], taught[:, n:], of_teachers)
        if n and weight > 0:
            losses["teacher_loss"] = weight * teacher_loss(predicted[:, :n], taught[:, :n])
        return losses

    def augmented(self, features: Tensor) -> Tensor:
        """Augment the frames that the body will look at; the others are filled in again."""
        step = self.net.decimate
        seen = augment(features[:, :, ::step], self.config.augment, self.rng)
        return seen.repeat_interleave(step, dim=2)[:, :, : features.shape[2]]

    def _blended_batch(self, batch: Batch) -> Batch:
        """The batch augmented, each clip perhaps blended with another, what is known alike."""
        n_labels = batch.targets.shape[1]
        # Blended by what they count, so that what hardly counts hardly changes a target.
        weighed = batch.targets * batch.counts
        known = torch.cat([weighed, batch.music[:, None], batch.taught, batch.counts], dim=1)
        features, known = self._blended(batch.features, known)
        sizes = [n_labels, 1, batch.taught.shape[1], n_labels]
        weighed, music, taught, counts = known.split(sizes, dim=1)
        targets = weighed / counts.clamp(min=1e-6)
        return Batch(features, targets, music[:, 0], taught, counts)

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
        waves = colour(x[:, 0], options, self.rng)
        waves, targets = mix_waves(waves, targets, options, self.rng)
        features = self.net.front_end(waves)
        if self.net.front_end.scale == "db":
            return self.augmented(features), targets
        return mask_features(features, options, self.rng), targets

    def _label_loss(
        self, logits: Tensor, targets: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        fit = self.config.fit
        return label_loss(
            logits,
            targets,
            kind=self.config.kind,
            smoothing=fit.label_smoothing,
            weights=None if self.weights is None else self.weights.to(logits.device),
            focal_gamma=fit.focal_gamma,
            counts=counts,
        )

    def validation_step(self, batch: Batch, _: int) -> dict[str, Tensor]:
        """Log the loss on clips that are not learned from; returns logits and targets."""
        x, targets = batch.features, batch.targets
        with torch.autocast(x.device.type, enabled=False):  # as in `_blended`
            features = self.net.front_end(x[:, 0]) if self.is_waveform else x
        logits = self.net.logits(features).labels
        loss = self._label_loss(logits, targets)
        self.log(VALID_LOSS, loss, batch_size=len(x), sync_dist=self.is_one_of_many)
        return {"logits": logits.float(), "targets": targets}

    def on_train_epoch_start(self) -> None:
        """For the first epochs of a fine-tuning the head learns alone."""
        learns = self.current_epoch >= self.config.fit.freeze
        for part in (self.net.front_end, self.net.normalise, self.net.body):
            part.requires_grad_(learns)
            part.train(learns)  # frozen batch statistics stay as well

    def configure_optimizers(self) -> Any:
        """AdamW under the schedule of the configuration.

        Only the trainer knows how many steps a fit has: several devices share the batches.
        """
        n_steps = int(self.trainer.estimated_stepping_batches)
        return optimisation(self.parameters(), self.config.fit, n_steps=n_steps)
