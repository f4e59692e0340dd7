"""Branches: a fit that goes on in several ways, whose mean is the network.

What has learned for a while goes on with other draws and other changes of the clips, in a
process for each, and the weights of all are averaged at the end. Fits that share their first
part end in one valley, in which their mean is a network of the same size, and it is right more
often than each (Linear mode connectivity: J. Frankle et al., ICML 2020; Model soups: M.
Wortsman et al., ICML 2022). Two branches keep two cores busy that one fit would not.

    last.pt              the common part, after its last epoch
    branch-1/last.pt     where a branch is
    branch-1/weights.pt  what a finished one has learned
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagger.errors import InputError
from tagger.system.cores import usable_cores
from train.config.config import TrainConfig
from train.datasets.base import FeatureSet
from train.fit.callbacks import LAST, OnEpoch, read_last
from train.fit.distributed import device_here
from train.fit.fit import fit, network_for
from train.fit.mean import mean_of, mean_pupil, measure_statistics
from train.models.network import TaggerNet

WEIGHTS, LOG = "weights.pt", "log.txt"
BRANCH_MODULE = "train.fit.branch"
SEEDS_APART = 10_000
N_MEASURED = 1500
"""Clips by which the batch statistics of the mean are measured."""

Say = Callable[[str], None]


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
    on_epoch: OnEpoch | None = None,
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
        on_epoch: called after each epoch of the common part with its number and its loss.
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
            shutil.rmtree(folder, ignore_errors=True)
    if not all((folder / LAST).is_file() for folder in folders):
        options: dict[str, Any] = {"prepare": prepare, "valid": valid, "resume": resume}
        together = n_together(config)
        fit(config, clips, run_dir=out, on_epoch=on_epoch, stop_after=together, **options)
    _run_all(out, [n for n in numbers if not (folders[n - 1] / WEIGHTS).is_file()], say=say)
    net = network_for(config, clips.labels)
    net.load_state_dict(mean_of([_weights(folder) for folder in folders]))
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
    if not (folder / LAST).is_file():
        folder.mkdir(exist_ok=True)
        _write(parted(read_last(out), own.seed), folder / LAST)
    net = fit(own, clips, run_dir=folder, on_epoch=on_epoch, valid=valid, resume=True)
    _write({name: value.cpu() for name, value in net.state_dict().items()}, folder / WEIGHTS)


def parted(content: dict[str, Any], seed: int) -> dict[str, Any]:
    """What last.pt holds, with generators that draw from here on what no other branch draws."""
    generator = torch.Generator(device_here()).manual_seed(seed)
    on_cpu = torch.Generator().manual_seed(seed)
    states = {
        "augment": generator.get_state(),
        "sampler": on_cpu.get_state(),
        "crops": np.random.default_rng(seed).bit_generator.state,
        "torch": on_cpu.get_state(),
    }
    return {**content, "tagger": {**content["tagger"], "generators": states}}


def _write(content: Any, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    torch.save(content, temporary)
    os.replace(temporary, path)  # noqa: PTH105 - says better what it does


def _weights(folder: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(folder / WEIGHTS, weights_only=True)
    return state


def _run_all(out: Path, numbers: list[int], *, say: Say) -> None:
    """Run the branches: as many at once as there are cores, or one after another on a GPU."""
    if not numbers:
        return
    at_once = 1 if torch.cuda.is_available() else min(len(numbers), usable_cores())
    threads = max(1, usable_cores() // at_once)
    running: list[subprocess.Popen[str]] = []
    with ThreadPoolExecutor(at_once) as pool:
        jobs = [pool.submit(_run, out, n, running, threads=threads, say=say) for n in numbers]
        try:
            for job in jobs:
                job.result()
        except BaseException:  # an interruption, too, ends them all
            for job in jobs:
                job.cancel()
            for process in running:
                process.kill()
            raise


def _run(
    out: Path, number: int, running: list["subprocess.Popen[str]"], *, threads: int, say: Say
) -> None:
    """Run one branch to its end and pass on what it says; its errors go to its log.

    Raises:
        InputError: it ended before it was done.
    """
    folder = branch_folder(out, number)
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", BRANCH_MODULE, str(out), str(number)]
    log = folder / LOG
    with (
        log.open("w", encoding="utf-8") as errors,
        # It ends when its standard input does, so with this process however this one ends.
        subprocess.Popen(  # noqa: S603 - it is this program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        ) as process,
    ):
        running.append(process)
        for line in process.stdout or ():
            say(f"branch {number}: {line.rstrip()}")
    if process.returncode != 0 or not (folder / WEIGHTS).is_file():
        said = log.read_text(encoding="utf-8").strip().rpartition("\n")[2]
        raise InputError(
            f"branch {number} ended before it was done ({said or process.returncode}); {log}"
            " has the rest, and --resume goes on with it."
        )
