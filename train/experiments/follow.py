"""follow: a network learns to give, through another front end, what it gave through its own.

A longer hop is less to compute, and a network that was learned at a shorter one is wrong at it
by a little everywhere. It needs no labels to be mended: it hears an augmented excerpt through
the new front end, and what it gave for the clean one through the old front end is its target,
the embedding and the scores. So it learns, too, to answer the same when bands are missing, as
in a recording at 8 kHz. (Distillation of a network by its like: T. Furlanello et al., ICML
2018.)

A network and a regression on other teachers' answers (the run's `probe`) err on different
recordings. With `probe_share` the labels' target lies between what the two say, and the last
layer for labels learns as well. All else of the head stays, calibration and thresholds too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from tagger.errors import InputError
from train.calibration.cross_validation import epoch_lines
from train.config.fields import check_range, choose
from train.data.batches import Batch
from train.data.loaders import training_loader
from train.datasets.base import FeatureSet
from train.evaluation.run_facts import data_facts, versions
from train.experiments.between import between, logits_of, probe_part
from train.fit.averaging import Averaging
from train.fit.callbacks import Progress, StopAtNan
from train.fit.fit import learn, trainer_for
from train.fit.initial_weights import KEPT
from train.fit.mean import mean_of, measure_statistics
from train.fit.memory import keep_freed_memory
from train.fit.module import Fit
from train.fit.run import Run, save_run
from train.models import checkpoint
from train.models.checkpoint import Checkpoint
from train.models.network import TaggerNet
from train.teachers.taught import teacher_facts

N_MEASURED = 1500
"""Clips by which the batch statistics of a mean of networks are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Whom to follow.

    Attributes:
        teacher: a checkpoint; the run has its body, and another front end of as many rows.
        done: folders of finished runs of this experiment with other seeds: the mean of their
            weights is taken, and nothing is fitted.
        shift: added to the calibrated logit of labels, as where the recordings that calibrated
            the teacher hold more of one than a library does.
        probe_share: how much of the labels' target is the run's probe, in logarithms; the rest
            is the mean of what the teacher says of two windows of the recording. Only that
            probe.weight is above 0 matters of it.
        embedding_weight: of the embedding's distance from the teacher's.
    """

    teacher: str
    done: tuple[str, ...] = ()
    shift: Mapping[str, float] = field(default_factory=dict)
    probe_share: float = 0.0
    embedding_weight: float = 1.0

    def __post_init__(self) -> None:
        check_range("probe_share", self.probe_share, 0, 1)
        check_range("embedding_weight", self.embedding_weight, 0)
        if self.done and self.probe_share > 0:
            raise InputError(
                "follow: `done` takes the mean of finished runs and fits nothing; leave out"
                " probe_share."
            )


def run_experiment(run: Run, options: Options) -> Path:
    """Fit, or take the mean of fits, and save it as the teacher with another front end.

    Raises:
        InputError: the teacher's weights do not fit the run's body, the clips are no
            recordings, of which alone both front ends can hear the same, or a probe is to be
            followed and there is none, or one of other labels than the teacher's.
    """
    teacher = checkpoint.load(Path(options.teacher))
    learned = run.clips.split("train")
    if not learned.is_waveform:
        raise InputError("follow: stored features have one front end; name sets of recordings.")
    features = {name: getattr(run.config, name) for name in ("features", "features_options")}
    if options.probe_share > 0:
        _check_labels(run, teacher)
    student = Checkpoint(
        _with_front_end(teacher, features),
        replace(teacher.config, **features),
        teacher.labels,
        teacher.facts,
    )
    if options.done:
        figures = _take_mean(student.net, options.done, learned)
    else:
        figures = [_fit(run, student.net, teacher.net, learned, options)]
    run.say(json.dumps(figures))
    _shift(student, options.shift)
    facts = _facts(run, teacher, figures)
    if options.shift:
        facts["calibration"] = {**facts.get("calibration", {}), "shifted": dict(options.shift)}
    save_run(replace(run, config=student.config), student.net, student.labels, facts)
    return run.where.out / checkpoint.BEST


def _check_labels(run: Run, teacher: Checkpoint) -> None:
    """The probe and the teacher choose one of the same labels, in the same order."""
    theirs = teacher.labels[: len(teacher.net.family)]
    if teacher.config.kind != "single" or probe_part(run.clips).labels != theirs:
        raise InputError(
            f"follow: the teacher has the labels {', '.join(theirs)} ({teacher.config.kind}),"
            f" the probe chooses one of {', '.join(run.clips.labels)}; with probe_share the"
            " teacher must choose one of these, in this order."
        )


def _facts(run: Run, teacher: Checkpoint, figures: list[Any]) -> dict[str, Any]:
    """What is said of the student: all that was learned from; no figure of the teacher."""
    asked = any(one.get("probe_share", 0) > 0 for one in figures)
    known = {name: value for name, value in teacher.facts.items() if name != "metrics"}
    data = teacher.facts.get("data", {})
    before = [*data.get("learned_before", []), *teacher.config.datasets]
    teachers = list(data.get("teachers", []))
    if asked:  # through the probe: otherwise what the run's teachers say is not used
        teachers += teacher_facts(run.config, run.where.data)
    now = data_facts(run.config, run.clips, before=before, teachers=teachers)
    known |= {"data": {**data, **now}, "versions": versions(), "followed": figures}
    return known


def _shift(student: Checkpoint, by_label: Mapping[str, float]) -> None:
    for label, change in by_label.items():
        column = student.labels.index(choose("--with shift", label, student.labels))
        student.net.label_bias[column] += change


def _with_front_end(teacher: Checkpoint, features: dict[str, Any]) -> TaggerNet:
    config, labels = replace(teacher.config, **features), teacher.labels
    net = TaggerNet(
        config.network(),
        n_labels=len(labels),
        beside=config.parents_beside(labels),
        among=config.parents_among(labels),
    )
    try:
        net.load_state_dict(teacher.net.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"follow: the teacher's weights do not fit this front end ({error})."
        ) from error
    return net


def _take_mean(net: TaggerNet, done: Sequence[str], learned: FeatureSet) -> list[Any]:
    """Put the mean of finished runs into `net`; returns what each said of itself."""
    parts = [checkpoint.load(Path(folder) / checkpoint.BEST) for folder in done]
    net.load_state_dict(mean_of([part.net.state_dict() for part in parts]))
    net.eval()
    measure_statistics(net, learned, n_clips=N_MEASURED)
    return [figure for part in parts for figure in part.facts["followed"]]


def _fit(
    run: Run, net: TaggerNet, teacher: TaggerNet, learned: FeatureSet, options: Options
) -> dict[str, Any]:
    """Fit `net`; returns the seed and how far it is from its teacher at last."""
    keep_freed_memory()
    teacher.eval()
    if options.probe_share > 0:
        run.say("follow: what the teacher says of each recording")
        learned = between(learned, teacher, share=options.probe_share)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    torch.manual_seed(run.config.seed)
    module = Follow(net, teacher, run, options, clips=learned)
    tell = epoch_lines(run.say, "follow", run.config)
    trainer = trainer_for(
        run.config,
        callbacks=[
            Averaging(run.config.fit.average_decay),
            StopAtNan(),
            Progress(tell, "train/loss"),
        ],
        run_dir=run.where.out,
    )
    learn(trainer, module, training_loader(run.config, learned))
    net.requires_grad_(True).eval()
    # A running mean of what never changed is not to the last digit what it was.
    learns = (*KEPT, "head.labels.") if options.probe_share > 0 else KEPT
    own = {n: v for n, v in teacher.state_dict().items() if not n.startswith(learns)}
    net.load_state_dict(own, strict=False)
    return {
        "seed": run.config.seed,
        "probe_share": options.probe_share,
        "relative_error": round(float(trainer.callback_metrics["train/embedding"]), 4),
        "divergence": round(float(trainer.callback_metrics["train/labels"]), 4),
    }


class Follow(Fit):
    """The student hears what `Fit` makes of a crop, the teacher the crop."""

    def __init__(
        self,
        net: TaggerNet,
        teacher: TaggerNet,
        run: Run,
        options: Options,
        *,
        clips: FeatureSet,
    ) -> None:
        super().__init__(net, run.config, is_waveform=True)
        self.beheld = [teacher.requires_grad_(False)]  # in a list: no part of what is learned
        self.options = options
        self.shares = probe_part(clips) if options.probe_share > 0 else None
        self.n_before = 0 if clips.embeddings is None else clips.embeddings.shape[1]
        net.head.requires_grad_(False)
        net.head.labels.requires_grad_(options.probe_share > 0)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Distance of embedding, labels and music."""
        teacher = self.beheld[0]
        with torch.no_grad():
            with torch.autocast(batch.features.device.type, enabled=False):
                features = teacher.front_end(batch.features[:, 0])
            target = teacher.embed(features).float()
            labels = self._labels(target, batch.taught)
        heard = self._blended_batch(batch).features
        embedding = self.net.embed(heard).float()
        losses = distances(self.net, embedding, target, labels)
        named = {f"train/{name}": loss for name, loss in losses.items()}
        losses["embedding"] = self.options.embedding_weight * losses["embedding"]
        total = sum(losses.values(), torch.zeros(()))
        self.log_dict({**named, "train/loss": total}, on_step=False, on_epoch=True)
        return total

    def _labels(self, target: Tensor, taught: Tensor) -> Tensor:
        """Label logits that are wanted: the teacher's own, or what it and the probe say."""
        teacher, part = self.beheld[0], self.shares
        own: Tensor = teacher.head.labels(target)
        if part is None:
            return own
        shares = taught[:, self.n_before :][:, part.start : part.stop]
        among = logits_of(teacher, shares)
        return torch.cat([among, own[:, len(teacher.family) :]], dim=1)

    def on_train_epoch_start(self) -> None:
        """The head drops nothing from first to last."""
        self.net.train()
        self.net.head.eval()


def distances(
    net: TaggerNet, embedding: Tensor, target: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """How far an embedding, and what the head makes of it, is from its targets.

    Args:
        net: whose head it goes through.
        embedding: shape (batch, n).
        target: the same shape.
        labels: label logits that are wanted, shape (batch, n_labels).

    Returns:
        'embedding': the mean square of the difference over the variance of the targets;
        'labels': Kullback-Leibler divergence of the label scores; 'music': cross-entropy of
        the music score; 'beside': that of the labels beside the softmax, if there are any.
    """
    n_among, ours = len(net.family), net.head.labels(embedding)
    variance = target.var(dim=0, unbiased=False).mean().clamp(min=1e-6)
    music = torch.sigmoid(net.head.music(target))
    losses = {
        "embedding": (embedding - target).square().mean() / variance,
        "labels": F.kl_div(
            F.log_softmax(ours[:, :n_among], dim=1),
            F.log_softmax(labels[:, :n_among], dim=1),
            reduction="batchmean",
            log_target=True,
        ),
        "music": F.binary_cross_entropy_with_logits(net.head.music(embedding), music),
    }
    if ours.shape[1] > n_among:
        losses["beside"] = F.binary_cross_entropy_with_logits(
            ours[:, n_among:], torch.sigmoid(labels[:, n_among:])
        )
    return losses
