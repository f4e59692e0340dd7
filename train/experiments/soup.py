"""soup: the mean of the weights of several fits that go on from the same network.

Fits that begin at the same learned weights, with other seeds and low rates, end in the same
valley: the mean of their weights is a network too, as large as one of them, and it is often
right where one of them was not (Model soups: M. Wortsman et al., ICML 2022). Its batch
statistics are measured anew, since a mean of statistics is not the statistics of the mean.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from tagger.errors import InputError
from train.calibration.cross_validation import (
    epoch_lines,
    fit_kept,
    kept_labels,
    measured,
)
from train.calibration.measured_run import calibrate_and_measure
from train.config.checks import needs_valid
from train.config.fields import check_range
from train.datasets.base import FeatureSet
from train.experiments.last_layer import neutral
from train.fit.initial_weights import HEAD_LABELS, weights_for
from train.fit.mean import mean_of, mean_pupil, measure_statistics
from train.fit.run import Run, keep
from train.models import checkpoint
from train.models.network import TaggerNet


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Fits with the run's seed and those after it.

    Attributes:
        members: how many.
        also: checkpoints that are in the mean besides, as the one that the fits go on from:
            what they learn anew and what it knew are then both half in the weights.
        n_measured: train clips by which the mean's batch statistics are measured.
    """

    members: int = 3
    also: tuple[str, ...] = ()
    n_measured: int = 1500

    def __post_init__(self) -> None:
        check_range("members", self.members, 1 if self.also else 2)
        check_range("n_measured", self.n_measured, 1)


def run_experiment(run: Run, options: Options) -> Path:
    """The members, each in a folder of its own, then their mean, calibrated and measured.

    With `resume` a member that is done is taken as it is.

    Raises:
        InputError: the run has no start, from which alone its members have a mean; or folds
            calibrate, whose clips the members have learned from.
    """
    needs_valid(run.config, "soup")
    if run.start is None:
        raise InputError(
            "soup: fits from different random weights have no mean that is a network; give"
            " --from, the best.pt of a run from which all of them go on."
        )
    learned, valid = (run.clips.split(name) for name in ("train", "valid"))
    nets, figures = [], []
    for number in range(1, options.members + 1):
        net = _member(run, number, learned)
        nets.append({name: value.cpu().clone() for name, value in net.state_dict().items()})
        facts = calibrate_and_measure(net, run.config, None, measured(run.config, valid))
        figures.append({"seed": run.config.seed + number - 1} | facts["metrics"])
        run.say(f"member {number}: {json.dumps(figures[-1])}")
    for path in options.also:
        nets.append(nets[0] | _weights_of(Path(path), run))
    net.load_state_dict(mean_of(nets))
    neutral(net)
    measure_statistics(net, learned, n_clips=options.n_measured)
    mean_pupil(run.where.out, [_folder(run, n + 1) for n in range(options.members)])
    keep(run, net, None, more_facts={"members": figures})
    return run.where.out / checkpoint.BEST


def _member(run: Run, number: int, learned: FeatureSet) -> TaggerNet:
    """Fit a member in its folder."""
    config = replace(run.config, seed=run.config.seed + number - 1)
    folder = _folder(run, number)
    return fit_kept(
        config,
        learned,
        run_dir=folder,
        prepare=run.start,
        on_epoch=epoch_lines(run.say, folder.name, config),
        resume=run.resume,
    )


def _folder(run: Run, number: int) -> Path:
    return run.where.out / f"member-{number}"


def _weights_of(path: Path, run: Run) -> dict[str, Tensor]:
    """Those of a checkpoint of this run's network and labels.

    Raises:
        InputError: it has other labels, or another body.
    """
    found, labels = checkpoint.load(path), kept_labels(run.config, run.clips)
    weights = weights_for(found, labels)
    own = run.config.network()
    if HEAD_LABELS not in weights or found.config.network() != own:
        raise InputError(
            f"--with also: {path} has other labels or another network than this run; a mean is"
            " of networks that are alike."
        )
    return weights
