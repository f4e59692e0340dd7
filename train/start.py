"""Where a run begins: from nothing, from another run's body, or where it stopped before."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tagger.errors import InputError
from train import checkpoint
from train.config import TrainConfig, to_tree
from train.models.network import TaggerNet

CONFIG, RUN = "config.yaml", "run.json"
KEPT = ("front_end.", "normalise.", "body.")
ALIKE = ("features", "features_options", "body", "body_options", "floor_db")


def like(start_from: Path | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The user's choices over what a checkpoint to start from prescribes.

    Raises:
        InputError: another front end or body is asked for than the checkpoint has.
    """
    if start_from is None:
        return dict(overrides)
    tree = to_tree(checkpoint.load(start_from).config)
    fixed = {name: tree[name] for name in ALIKE}
    for name in ALIKE:
        asked = overrides.get(name)
        if asked is not None and asked != fixed[name]:
            raise InputError(
                f"--from {start_from}: its {name} is {fixed[name]}, not {asked}; a network"
                " keeps its front end and body when it learns other labels."
            )
    return {**overrides, **fixed}


def body_of(start_from: Path | None) -> Callable[[TaggerNet], None] | None:
    """What puts a checkpoint's front end and body into a fresh network; its head is new."""
    if start_from is None:
        return None
    weights = checkpoint.load(start_from).net.state_dict()
    kept = {name: value for name, value in weights.items() if name.startswith(KEPT)}

    def start(net: TaggerNet) -> None:
        missing, unexpected = net.load_state_dict(kept, strict=False)
        if unexpected or any(name.startswith(KEPT) for name in missing):
            raise InputError(f"{start_from}: its body is not that of this configuration.")

    return start


def write_run(
    out: Path, config: TrainConfig, *, data: Path, prepared: Path, start_from: Path | None
) -> None:
    """Keep what `--resume` needs: the resolved configuration and the places."""
    (out / CONFIG).write_text(yaml.safe_dump(to_tree(config), sort_keys=False))
    places = {
        "data": str(data.resolve()),
        "prepared": str(prepared.resolve()),
        "start_from": str(start_from.resolve()) if start_from else None,
    }
    (out / RUN).write_text(json.dumps(places, indent=1))


def places_of(run: Path) -> dict[str, Path | None]:
    """The places of a run that is to be resumed: data, prepared, start_from.

    Raises:
        InputError: the folder is not that of a run.
    """
    try:
        places = json.loads((run / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{run}: not the folder of a run that can be resumed.") from error
    return {name: Path(value) if value else None for name, value in places.items()}
