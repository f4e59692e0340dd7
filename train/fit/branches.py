"""Branches: a fit that goes on in several ways, whose mean is the network.

What has learned for a while goes on with other draws and other changes of the clips, in a
process for each, and the weights of all are averaged at the end. Fits that share their first
part end in one valley, in which their mean is a network of the same size and at least as good
(Linear mode connectivity: J. Frankle et al., ICML 2020; Model soups: M. Wortsman et al., ICML
2022). Two branches keep two cores busy that one fit would not.

    last.pt              the common part, after its last epoch
    branch-1/last.pt     where a branch is
    branch-1/weights.pt  what a finished one has learned
    branch-1/log.txt     what its process had to complain of
"""

import gc
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagger.errors import InputError
from tagger.system.cores import usable_cores
from train.calibration.cross_validation import Say, epoch_lines
from train.config.config import TrainConfig, to_tree
from train.datasets.base import FeatureSet
from train.fit.callbacks import LAST, OnEpoch, read_last
from train.fit.distributed import device_here
from train.fit.fit import fit, network_for
from train.fit.mean import mean_of, mean_pupil, measure_statistics
from train.models import checkpoint
from train.models.checkpoint import write_whole
from train.models.network import TaggerNet

WEIGHTS, LOG = "weights.pt", "log.txt"
BRANCH_MODULE = "train.fit.branch"
FAILED = 2
"""The status of a branch that says in its last line why it ended."""

SEEDS_APART = 10_000
N_MEASURED = 1500
"""Clips by which the batch statistics of the mean are measured."""


def n_together(config: TrainConfig) -> int:
    """Epochs before the branches part: at least one, and one at least is left for them."""
    epochs = config.fit.epochs
    return min(max(1, round(config.fit.branch_from * epochs)), epochs - 1)


def branch_folder(out: Path, number: int) -> Path:
    """That of the branch with a number from 1 on, in the folder of its run."""
    return out / f"branch-{number}"


def fit_branches(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    out: Path,
    say: Say,
    prepare: Callable[[TaggerNet], object] | None = None,
    valid: FeatureSet | None = None,
    resume: bool = False,
) -> TaggerNet:
    """Fit the common part here, each branch in a process of its own; returns their mean.

    Args:
        config: of the run, as its folder holds it.
        clips: what to learn from.
        out: the run's folder, from which the branches read what they need.
        say: told how far it is.
        prepare: called with the fresh network, to load weights that were learned before.
        valid: clips whose loss is followed.
        resume: go on where it was interrupted, in the common part or in a branch.

    Raises:
        InputError: as of `fit`, or a branch ended before it was done.
    """
    numbers = range(1, config.fit.branches + 1)
    folders = [branch_folder(out, number) for number in numbers]
    if not resume:
        for folder in folders:
            if folder.exists():
                shutil.rmtree(folder)
    # Once one branch has begun, the common part stays as it parted from it.
    if not any((folder / LAST).is_file() for folder in folders):
        options: dict[str, Any] = {"prepare": prepare, "valid": valid, "resume": resume}
        together = replace(config, fit=replace(config.fit, stop_epoch=n_together(config)))
        tell = epoch_lines(say, "fit", config)
        fit(together, clips, run_dir=out, on_epoch=tell, **options)
        _give_memory_back()
    open_ones = [n for n in numbers if not is_done(folders[n - 1], config.fit.epochs)]
    _Running(out, n_all=len(folders), say=say).run(open_ones)
    net = network_for(config, clips.labels)
    net.load_state_dict(mean_of([weights_in(folder) for folder in folders]))
    net.eval().to(device_here())
    measure_statistics(net, clips, n_clips=N_MEASURED)
    mean_pupil(out, folders)
    return net


def fit_branch(
    config: TrainConfig,
    clips: FeatureSet,
    *,
    out: Path,
    number: int,
    on_epoch: OnEpoch | None = None,
    valid: FeatureSet | None = None,
) -> None:
    """Go on from the common part, or from where this branch was, and keep its weights.

    Args:
        config: of the run.
        clips: what to learn from.
        out: the run's folder.
        number: of the branch, from 1 on.
        on_epoch: called after each epoch with its number and its loss.
        valid: clips whose loss is followed.

    Raises:
        InputError: as of `fit`, or there is no common part.
    """
    folder = branch_folder(out, number)
    own = replace(config, seed=config.seed + SEEDS_APART * number)
    if not (folder / LAST).is_file() or _is_common(folder, config):
        folder.mkdir(exist_ok=True)
        write_whole(parted(read_last(out), own), folder / LAST)
    net = fit(own, clips, run_dir=folder, on_epoch=on_epoch, valid=valid, resume=True)
    state = {name: value.cpu() for name, value in net.state_dict().items()}
    write_whole({"epochs": config.fit.epochs, "state": state}, folder / WEIGHTS)


def _is_common(folder: Path, config: TrainConfig) -> bool:
    """Whether last.pt is what the common part left, whose seed it had before 2026-11-28."""
    return bool(read_last(folder)["tagger"]["config"]["seed"] == config.seed)


def parted(content: dict[str, Any], own: TrainConfig) -> dict[str, Any]:
    """What last.pt holds as a branch's own, with generators that draw what no other draws.

    No two of one branch begin alike, nor do those of two branches: the branch's seed and the
    numbers after it are its own, up to that of the next one, `SEEDS_APART` further on.
    """
    seed = own.seed
    states = {
        "augment": torch.Generator(device_here()).manual_seed(seed).get_state(),
        "sampler": torch.Generator().manual_seed(seed + 1).get_state(),
        "torch": torch.Generator().manual_seed(seed + 2).get_state(),
        "crops": np.random.default_rng(seed + 3).bit_generator.state,
    }
    kept = {k: v for k, v in content["tagger"].items() if k != "generators_by_rank"}
    return {**content, "tagger": {**kept, "config": to_tree(own), "generators": states}}


def is_done(folder: Path, epochs: int) -> bool:
    """Whether a branch has learned for so many epochs; a run that becomes longer goes on."""
    path = folder / WEIGHTS
    return path.is_file() and bool(checkpoint.read(path)["epochs"] == epochs)


def weights_in(folder: Path) -> dict[str, Tensor]:
    """What a finished branch has learned."""
    state: dict[str, Tensor] = checkpoint.read(folder / WEIGHTS)["state"]
    return state


def _give_memory_back() -> None:
    """Let the branches have what the common part held of a GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@dataclass(frozen=True, slots=True)
class _Running:
    """The processes of a run's branches: as many at once as there are cores, one on a GPU.

    Each has the threads that it would have if all of them ran, whichever are left to run: with
    others the same numbers would round otherwise.
    """

    out: Path
    n_all: int
    say: Say
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, numbers: list[int]) -> None:
        """Run the branches with these numbers.

        Raises:
            InputError: one ended before it was done; the others are ended, and can be resumed.
        """
        if not numbers:
            return
        at_once = 1 if torch.cuda.is_available() else min(self.n_all, usable_cores())
        threads = max(1, usable_cores() // at_once)
        with ThreadPoolExecutor(at_once) as pool:
            jobs = [pool.submit(self._run_one, number, threads) for number in numbers]
            try:
                wait(jobs, return_when=FIRST_EXCEPTION)
            finally:  # an interruption, too, ends them all
                if any(not job.done() or job.exception() for job in jobs):
                    self.stopping.set()
                    for process in list(self.processes):
                        process.kill()
        failed = [error for job in jobs if isinstance(error := job.exception(), InputError)]
        if failed:
            raise failed[0]
        for job in jobs:
            job.result()

    def _run_one(self, number: int, threads: int) -> None:
        """Run one branch to its end, and pass on what it says."""
        if self.stopping.is_set():
            return
        folder = branch_folder(self.out, number)
        folder.mkdir(exist_ok=True)
        asked = os.environ.get("OMP_NUM_THREADS", "")
        environment = {**os.environ, "OMP_NUM_THREADS": asked or str(threads)}
        # -P: a file of the user's that is called train.py is not ours.
        command = [sys.executable, "-P", "-m", BRANCH_MODULE, str(self.out), str(number)]
        with (
            (folder / LOG).open("a", encoding="utf-8") as errors,
            # It ends when its standard input does, so with this process however that ends.
            subprocess.Popen(  # noqa: S603 - it is this program
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                env=environment,
            ) as process,
        ):
            self.processes.append(process)
            if self.stopping.is_set():
                process.kill()
            for line in process.stdout or ():
                self.say(f"branch {number}: {line.rstrip()}")
        if process.returncode != 0 and not self.stopping.is_set():
            self.stopping.set()
            raise InputError(_ended(folder / LOG, number, process.returncode))


def _ended(log: Path, number: int, status: int) -> str:
    """Why a branch ended: in its own words where it had any."""
    said = log.read_text(encoding="utf-8").strip().rpartition("\n")[2]
    reason = said if status == FAILED else f"status {status}"
    return (
        f"branch {number} ended before it was done ({reason}); {log} has the rest, and --resume"
        " goes on with it."
    )
