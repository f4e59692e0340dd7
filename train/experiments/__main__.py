"""`python -m train.experiments NAME`: a run that one experiment changes.

Each is a file in this folder with `Options` and `run_experiment`, which takes a run that is
ready to learn and composes what training is made of. None excludes another in the
configuration of a run, since none is part of it: what has become of each is in train/LOG.md.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from tagger.errors import InputError, TaggerError
from train.config.config import parse_overrides
from train.config.fields import build, choose
from train.fit.initial_weights import Places
from train.fit.run import alone_in, begin

EXPERIMENTS = ("absent", "ensemble", "follow", "last_fit", "last_layer", "soup")


def main(words: list[str] | None = None) -> int:
    """Run an experiment; returns the exit status."""
    given = _parser().parse_args(words)
    try:
        typer.echo(run_named(given))
    except TaggerError as error:
        typer.echo(f"error: {error}", err=True)
        return 2
    return 0


def run_named(given: argparse.Namespace) -> Path:
    """The path of the experiment's `best.pt`.

    Raises:
        InputError: there is no such experiment, or its options or the run's cannot be used.
    """
    module = import_module(f"train.experiments.{choose('NAME', given.name, EXPERIMENTS)}")
    chosen = parse_overrides(given.options)
    try:
        options = build(module.Options, chosen, where="")
    except TypeError as error:  # an option without a default is missing
        raise InputError(f"--with: {given.name}: {error}") from error
    overrides = parse_overrides(given.set)
    if given.dataset:
        overrides["datasets"] = given.dataset
    where = Places(
        data=given.data, out=given.out, prepared=given.prepared, start_from=given.start_from
    )
    with alone_in(where.out):
        run = begin(
            given.config,
            overrides,
            where,
            say=say,
            resume=given.resume,
            force=given.force,
            experiment=given.name,
        )
        best: Path = module.run_experiment(run, options)
    return best


def say(line: str) -> None:
    """How far it is, on stderr."""
    typer.echo(line, err=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train.experiments", description=__doc__)
    parser.add_argument("name", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--config", type=Path)
    parser.add_argument("--dataset", action="append", default=[])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--prepared", type=Path, default=Path("prepared"))
    parser.add_argument("--from", dest="start_from", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--force", action="store_true")
    fields: dict[str, Any] = {"action": "append", "default": [], "metavar": "FIELD=VALUE"}
    parser.add_argument("--set", help="a field of the run", **fields)
    parser.add_argument("--with", dest="options", help="an option of the experiment", **fields)
    return parser


if __name__ == "__main__":
    sys.exit(main())
