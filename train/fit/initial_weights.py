"""Where a run begins: from nothing, from another run's body, or where it stopped before."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tagger.errors import InputError
from train.calibration.cross_validation import Say, Start, teller
from train.config.config import TrainConfig, to_tree
from train.data.load import load_clips
from train.evaluation.run_facts import versions
from train.fit.distributed import is_first
from train.fit.fit import fit
from train.models import checkpoint
from train.models.network import TaggerNet
from train.teachers.taught import lessons_for

CONFIG, RUN = "config.yaml", "run.json"
KEPT = ("front_end.", "normalise.", "body.")
ALIKE = ("features", "features_options", "body", "body_options", "floor_db", "normalise")


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
    """Keep the resolved configuration (its seeds too), the places, versions and revision."""
    out.mkdir(parents=True, exist_ok=True)
    (out / CONFIG).write_text(yaml.safe_dump(to_tree(config), sort_keys=False))
    places = {
        "data": str(data.resolve()),
        "prepared": str(prepared.resolve()),
        "start_from": str(start_from.resolve()) if start_from else None,
    }
    (out / RUN).write_text(json.dumps(places | {"versions": versions()}, indent=1))


def places_of(run: Path) -> dict[str, Path | None]:
    """The places of a run that is to be resumed: data, prepared, start_from.

    Raises:
        InputError: the folder is not that of a run.
    """
    try:
        places = json.loads((run / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{run}: not the folder of a run that can be resumed.") from error
    names = ("data", "prepared", "start_from")
    return {name: Path(places[name]) if places.get(name) else None for name in names}


def learned_before(start_from: Path | None) -> list[str]:
    """The datasets that a checkpoint to start from has learned from, first ones first."""
    if start_from is None:
        return []
    earlier = checkpoint.load(start_from)
    names = earlier.facts.get("data", {}).get("learned_before", [])
    return list(dict.fromkeys([*names, *earlier.config.learned_from()]))


def teachers_before(start_from: Path | None) -> list[dict[str, str]]:
    """The teachers of a checkpoint to start from, and of those before it."""
    if start_from is None:
        return []
    return list(checkpoint.load(start_from).facts.get("data", {}).get("teachers", []))


def beginning(
    config: TrainConfig,
    start_from: Path | None,
    *,
    data: Path,
    prepared: Path,
    out: Path,
    say: Say,
) -> Start | None:
    """What puts learned weights into a fresh network: of a pretraining or of a checkpoint."""
    return pretrained(config, data, prepared=prepared, out=out, say=say) or body_of(start_from)


def pretrained(
    config: TrainConfig, data: Path, *, prepared: Path, out: Path, say: Say
) -> Start | None:
    """Fit on other data first; returns what puts its body into a fresh network.

    The result is kept in the run's folder and used again by a run that was interrupted.
    """
    earlier = config.pretrain
    if earlier is None:
        return None
    path = out / "pretrained.pt"
    if not (path.is_file() and checkpoint.load(path).config == earlier):
        every = load_clips(earlier, data, prepared=prepared, say=say)
        every = lessons_for(earlier, every, data, prepared=prepared, say=say)
        clips = every.split("train")
        say(f"pretraining on {len(clips)} clips")
        before = pretrained(earlier, data, prepared=prepared, out=out / "pretrain", say=say)
        tell = teller(say, "pretraining", earlier)
        net = fit(earlier, clips, run_dir=out / "pretrain", on_epoch=tell, prepare=before)
        if is_first():
            checkpoint.save(checkpoint.Checkpoint(net, earlier, clips.labels, {}), path)
    else:
        net = checkpoint.load(path).net
    weights = net.state_dict()

    def start(net: TaggerNet) -> None:
        kept = {name: value for name, value in weights.items() if name.startswith("body.")}
        missing, unexpected = net.load_state_dict(kept, strict=False)
        if unexpected or any(name.startswith("body.") for name in missing):
            raise InputError("pretrain: its body is not that of this configuration")

    return start
