"""Where a run begins: from nothing, from another run's body, or where it stopped before."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from tagger.errors import InputError
from tagger.system.whole_file import whole_file
from train.config.config import TrainConfig, choices_in, to_tree
from train.config.fields import flat
from train.evaluation.run_facts import versions
from train.models import checkpoint
from train.models.checkpoint import Checkpoint
from train.models.network import TaggerNet

CONFIG, RUN = "config.yaml", "run.json"
KEPT = ("front_end.", "normalise.", "body.")
HEAD, OF_LABELS = "head.", "head.labels."
HEAD_LABELS = f"{OF_LABELS}weight"
ALIKE = ("features", "features_options", "body", "body_options", "floor_db", "normalise")


def like(
    start_from: Path | None, config_path: Path | None, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """The user's choices over what a checkpoint to start from prescribes.

    Raises:
        InputError: another front end or body is asked for than the checkpoint has, by the file
            or by the command line.
    """
    if start_from is None:
        return dict(overrides)
    tree = to_tree(checkpoint.load(start_from).config)
    fixed = {name: tree[name] for name in ALIKE}
    asked = choices_in(config_path, overrides)
    for name, value in flat({name: asked[name] for name in ALIKE if name in asked}).items():
        has = flat(fixed).get(name)
        if value is not None and value != has:
            raise InputError(
                f"--from {start_from}: its {name} is {has}, not {value}; a network keeps its"
                " front end and body when it learns other labels: leave that choice out."
            )
    return {**overrides, **fixed}


def start_of(
    start_from: Path | None, labels: Sequence[str]
) -> Callable[[TaggerNet], None] | None:
    """What puts a checkpoint's front end and body into a fresh network.

    Its head as well if its first labels are `labels` (those that teachers alone know come
    behind); for others the head is new.
    """
    if start_from is None:
        return None
    kept = weights_for(checkpoint.load(start_from), labels)
    wanted = (*KEPT, HEAD) if HEAD_LABELS in kept else KEPT

    def start(net: TaggerNet) -> None:
        missing, unexpected = net.load_state_dict(kept, strict=False)
        if unexpected or any(name.startswith(wanted) for name in missing):
            raise InputError(f"{start_from}: its body is not that of this configuration.")

    return start


def weights_for(begun: Checkpoint, labels: Sequence[str]) -> dict[str, Tensor]:
    """A checkpoint's weights for a network of `labels`; without a head for other labels."""
    n = len(labels)
    same = begun.labels[:n] == tuple(labels)
    wanted = (*KEPT, HEAD) if same else KEPT
    return {
        name: value[:n] if name.startswith(OF_LABELS) else value
        for name, value in begun.net.state_dict().items()
        if name.startswith(wanted)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a run reads and writes.

    Attributes:
        data: the folder that holds the datasets.
        out: the run's own folder; made if need be.
        prepared: where decoded recordings are kept.
        start_from: a checkpoint whose front end and body are where learning begins, and its
            head where the labels are the same.
    """

    data: Path
    out: Path
    prepared: Path = Path("prepared")
    start_from: Path | None = None


def write_run(config: TrainConfig, where: Places, *, experiment: str = "") -> None:
    """Keep the resolved configuration (its seeds too), the places, versions and revision."""
    out, start_from = where.out, where.start_from
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / CONFIG, yaml.safe_dump(to_tree(config), sort_keys=False))
    places = {
        "data": str(where.data.resolve()),
        "prepared": str(where.prepared.resolve()),
        "start_from": str(start_from.resolve()) if start_from else None,
        **({"experiment": experiment} if experiment else {}),
    }
    write_text(out / RUN, json.dumps(places | {"versions": versions()}, indent=1))


def write_text(path: Path, text: str) -> None:
    """Write beside, then move: a full disk or a kill leaves the file as it was.

    Raises:
        InputError: it cannot be written.
    """
    try:
        with whole_file(path) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}).") from error


def places_of(run: Path) -> Places:
    """The places of a run that is to be resumed.

    Raises:
        InputError: there is no such folder, or it is not that of a run, or of one that an
            experiment made.
    """
    if not run.exists():
        raise InputError(f"{run}: there is no such folder; --resume takes that of a run.")
    try:
        places = json.loads((run / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{run}: not the folder of a run that can be resumed.") from error
    if name := places.get("experiment"):
        raise InputError(
            f"{run}: is a run of the experiment {name}; go on with `python -m"
            f" train.experiments {name}`, the same words as before and --resume."
        )
    if not (places.get("data") and places.get("prepared")):
        raise InputError(f"{run}: does not say where its data are.")
    start_from = Path(places["start_from"]) if places.get("start_from") else None
    data, prepared = Path(places["data"]), Path(places["prepared"])
    return Places(data=data, out=run, prepared=prepared, start_from=start_from)


def learned_before(start_from: Path | None) -> list[str]:
    """The datasets that a checkpoint to start from has learned from, first ones first."""
    if start_from is None:
        return []
    earlier = checkpoint.load(start_from)
    names = earlier.facts.get("data", {}).get("learned_before", [])
    return list(dict.fromkeys([*names, *earlier.config.datasets]))


def teachers_before(start_from: Path | None) -> list[dict[str, str]]:
    """The teachers of a checkpoint to start from, and of those before it."""
    if start_from is None:
        return []
    return list(checkpoint.load(start_from).facts.get("data", {}).get("teachers", []))
