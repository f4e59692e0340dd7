"""Fields that the configuration had once, and what stands for them now.

Runs and checkpoints of then name them, nearly always switched off: that is read on. Where one
is on, the message says which experiment does it (`train.experiments`).
"""

from collections.abc import Mapping
from typing import Any

from tagger.errors import InputError

EXPERIMENT_OF: Mapping[str, str] = {
    "ensemble": "ensemble",
    "head": "last_layer",
    "last_fit": "last_fit",
    "may_also_be": "absent",
    "fit.unknown_weights": "absent",
}
"""Old field -> the experiment, a file in `train/experiments/`."""

PRETRAIN = "pretrain"


def without_moved(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without those that are no choice of a run any more, which have to be off.

    Raises:
        InputError: one is on.
    """
    for name, experiment in EXPERIMENT_OF.items():
        if is_on(name, _value(tree, name)):
            raise InputError(
                f"{name} is no field of a configuration any more but an experiment: leave it"
                f" out, and run `python -m train.experiments {experiment}` (docs/training.md)."
            )
    if tree.get(PRETRAIN):
        raise InputError(
            "pretrain is no field of a configuration any more: fit the earlier run alone, then"
            " this one with --from its best.pt."
        )
    return dropped(tree)


def dropped(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without the old ones, whatever these say."""
    old = {PRETRAIN, *(name for name in EXPERIMENT_OF if "." not in name)}
    kept = {name: value for name, value in tree.items() if name not in old}
    if isinstance(kept.get("fit"), Mapping):
        inner = {name.partition(".")[2] for name in EXPERIMENT_OF if name.startswith("fit.")}
        kept["fit"] = {name: value for name, value in kept["fit"].items() if name not in inner}
    return kept


def is_on(name: str, value: Any) -> bool:
    """Whether an old field changed the run that names it."""
    if isinstance(value, Mapping):
        switch = {"ensemble": "members", "head": "refit"}[name]
        return bool(value.get(switch))
    return any(value) if isinstance(value, list | tuple) else bool(value)


def with_earlier(facts: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of a checkpoint with what its old fields say of the data that it learned from.

    Args:
        facts: of the checkpoint.
        tree: its configuration as it was saved.
    """
    data = dict(facts.get("data", {}))
    earlier: list[str] = []
    before = tree.get(PRETRAIN)
    while before:
        earlier = [*before.get("datasets", ()), *earlier]
        before = before.get(PRETRAIN)
    if earlier:
        names = dict.fromkeys([*data.get("learned_before", ()), *earlier])
        data["learned_before"] = list(names)
    if tree.get("last_fit"):
        data["last_fit"] = list(tree["last_fit"])
    return {**facts, "data": data} if data else dict(facts)


def _value(tree: Mapping[str, Any], dotted: str) -> Any:
    first, _, inner = dotted.partition(".")
    value = tree.get(first)
    if not inner:
        return value
    return value.get(inner) if isinstance(value, Mapping) else None
