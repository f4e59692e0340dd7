"""last_fit: the valid clips are learned as well, once everything has been measured on them.

Nothing is left to measure the second network on: it takes over the calibration, the thresholds
and the figures of the one that was fitted without these clips, and says which were learned.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagger.errors import InputError
from train.calibration.cross_validation import epoch_lines, fit_kept
from train.config.checks import needs_valid
from train.config.fields import choose
from train.evaluation.run_facts import calibration_of
from train.fit.distributed import is_first
from train.fit.run import Run, finish, save_run
from train.models import checkpoint

FOLDER = "last-fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Of which datasets the valid clips are learned."""

    datasets: tuple[str, ...]


def run_experiment(run: Run, options: Options) -> Path:
    """The run, then the same fit with the valid clips of some datasets as well.

    Raises:
        InputError: a dataset is none of the run's, folds calibrate, or labels stand beside the
            softmax, which were shown to work on the valid clips.
    """
    needs_valid(run.config, "last_fit")
    for name in options.datasets:
        choose("datasets", name, run.config.datasets)
    if run.config.beside:
        raise InputError("last_fit: leave `beside` out; its labels are chosen on valid clips.")
    done = checkpoint.load(finish(run))
    clips, out = run.clips, run.where.out
    added = (clips.splits == "valid") & clips.from_datasets(options.datasets)
    learned = (clips.splits == "train") | added
    run.say(f"last fit on {int(learned.sum())} clips, the valid ones among them")
    net = fit_kept(
        run.config,
        clips.take(np.flatnonzero(learned)),
        run_dir=out / FOLDER,
        on_epoch=epoch_lines(run.say, "last fit", run.config),
        prepare=run.start,
        resume=run.resume,
    )
    if is_first():
        calibration_of(done.net).apply(net)
        data = {**done.facts["data"], "last_fit": list(options.datasets)}
        save_run(run, net, done.labels, {**done.facts, "data": data})
    return out / checkpoint.BEST
