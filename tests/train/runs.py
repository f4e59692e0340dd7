"""`run_training` with its places as words of their own, as most tests have them."""

from pathlib import Path

from train.fit.initial_weights import Places
from train.fit.run import run_training as run_at


def run_training(config_path, overrides, *, data, out, say, resume=False, force=False, **more):
    """`more` are `prepared` and `start_from`."""
    where = Places(data=Path(data), out=Path(out), **more)
    return run_at(config_path, overrides, where, say=say, resume=resume, force=force)
