"""Every choice of a training run as one frozen, checked record."""

import dataclasses
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tagger.errors import InputError
from tagger.model.label_tree import pruned
from train.augment.features import AugmentOptions
from train.config.after_fit import CalibrationOptions
from train.config.fields import build, choose, plain, put
from train.config.in_fit import FitOptions
from train.config.moved import without_moved
from train.datasets.registry import dataset_of
from train.features import FRONT_ENDS
from train.models import BODIES
from train.models.network import NetworkOptions
from train.teachers.options import ProbeOptions, TeacherOptions

FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """A whole run.

    `labels` are those that the model keeps, all if it is empty; the others only helped to
    learn.
    `floor_db` cuts what lies so far below a window's peak; `normalise: band` also brings each
    band to mean 0 and deviation 1 over the training clips.
    `metadata` is the folder of a dataset's tables where they lie elsewhere, `partial` lets
    clips be missing, `longest_s` bounds what is kept of a recording, in seconds (around
    where a scan listens; its middle where it holds no more than the windows of a scan), and
    `split_seed` is that of splits that are drawn (`seed` is that of everything else, so that
    runs of several seeds share a split).
    `names` are training labels and how a model writes them; `parents` (a tree) and `kinds`
    (genre, mood, voice, instrument) of labels go into an exported model, and may name more
    labels than it keeps.
    `teachers` are models that are learned from, `probe` a regression from them to the labels;
    `beside` are labels that teachers alone know (TEACHER/LABEL), to stand beside the others.
    """

    name: str = "tagger"
    datasets: tuple[str, ...] = ("gtzan-logmel", "speech-music")
    features: str = "mel"
    features_options: Any = None
    body: str = "cnn-lstm"
    body_options: Any = None
    floor_db: float = -60.0
    normalise: str = "window"
    dropout: float = 0.4
    kind: str = "single"
    labels: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1
    split_seed: int = 1
    metadata: str = ""
    partial: bool = False
    longest_s: float = 120.0
    teachers: tuple[TeacherOptions, ...] = ()
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fit: FitOptions = field(default_factory=FitOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    calibration: CalibrationOptions = field(default_factory=CalibrationOptions)

    def written(self, label: str) -> str:
        """How a model writes a training label."""
        return self.names.get(label, label)

    def label_tree(
        self, labels: Sequence[str]
    ) -> tuple[tuple[str, ...], dict[str, str], dict[str, str]]:
        """Labels, parents and kinds as a model of these training labels has them."""
        parents = {self.written(name): self.written(up) for name, up in self.parents.items()}
        kinds = {self.written(name): kind for name, kind in self.kinds.items()}
        written = tuple(self.written(label) for label in labels)
        return (written, *pruned(written, parents, kinds))

    def parents_beside(self, labels: Sequence[str]) -> list[int | None]:
        """Of each label beside the softmax the column of its parent, None without one."""
        parents = [self.parents.get(name) for name in labels if name in self.beside]
        return [labels.index(up) if up in labels else None for up in parents]

    def parents_among(self, labels: Sequence[str]) -> list[int | None]:
        """Of each label in the softmax the column of its parent there, None without one."""
        among = [name for name in labels if name not in self.beside]
        if self.kind != "single":
            return [None] * len(among)
        parents = [self.parents.get(name) for name in among]
        return [among.index(up) if up in among else None for up in parents]

    def network(self) -> NetworkOptions:
        """What the network needs of this."""
        return NetworkOptions(
            features=self.features,
            features_options=self.features_options,
            body=self.body,
            body_options=self.body_options,
            floor_db=self.floor_db,
            normalise=self.normalise,
            dropout=self.dropout,
            kind=self.kind,
        )


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """`field=value` pairs of the command line; values are read as YAML.

    Raises:
        InputError: a pair has no equals sign, or its value is no YAML.
    """
    parsed = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set {pair}: write it as field=value, as in fit.batch_size=16.")
        try:
            parsed[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(
                f"--set {pair}: the value cannot be read as YAML ({_reason(error)});"
                " a list is written as [a, b], a text with odd characters in quotes."
            ) from error
    return parsed


def _reason(error: yaml.YAMLError) -> str:
    """What is wrong with a text, in one line."""
    return str(getattr(error, "problem", None) or error)


def load_config(path: Path | None, overrides: Mapping[str, Any]) -> TrainConfig:
    """The configuration of a YAML file (or the defaults) with the command line's choices.

    Args:
        path: the YAML file, or None for the defaults alone.
        overrides: dotted field names to values, as in `{"fit.epochs": 3}`; None is no choice.

    Raises:
        InputError: the file cannot be read, or a field is unknown, twice another's, or of the
            wrong type; the message names the file if it is wrong there.
    """
    try:
        return from_tree(without_moved(choices_in(path, overrides)))
    except InputError as error:
        if path is None or str(error) != _wrong_in(path):
            raise
        raise InputError(f"{path}: {error}") from error


def _wrong_in(path: Path) -> str | None:
    """What is wrong with a file's choices by themselves."""
    tree = choices_in(path, {})
    try:
        from_tree(without_moved(tree))
    except InputError as error:
        return str(error)
    return None


def choices_in(path: Path | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """What a YAML file and the command line, which lies over it, name: unchecked fields.

    Raises:
        InputError: the file cannot be read, or a dotted name leads nowhere.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except FileNotFoundError as error:
            raise InputError(f"{path}: there is no such file; check the path.") from error
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"{path}: cannot be read as YAML: {error}") from error
        if not isinstance(tree, dict):
            raise InputError(f"{path}: expected fields and values, found {type(tree).__name__}")
    for dotted, value in overrides.items():
        if value is not None:  # a copy: a later choice may lie over a field of this one
            put(tree, dotted, deepcopy(value))
    return tree


def from_tree(tree: Mapping[str, Any]) -> TrainConfig:
    """Build the configuration from nested mappings, as `to_tree` makes them."""
    tree = dict(tree)
    features = choose("features", str(tree.get("features", "mel")), FRONT_ENDS)
    body = choose("body", str(tree.get("body", "cnn-lstm")), BODIES)
    if "datasets" in tree:
        _check_datasets(tree["datasets"])
    choose("normalise", str(tree.get("normalise", "window")), ("window", "band"))
    choose("kind", str(tree.get("kind", "single")), ("single", "multi"))
    for key, options in (
        ("features_options", FRONT_ENDS[features][0]),
        ("body_options", BODIES[body][0]),
    ):
        tree[key] = build(options, tree.get(key) or {}, where=f"{key}.")
    config: TrainConfig = build(TrainConfig, tree, where="")
    return config


def _check_datasets(datasets: Any) -> None:
    if not isinstance(datasets, list | tuple) or not datasets:
        raise InputError(f"datasets: expected a list, as in [folder], not {datasets!r}")
    for name in datasets:
        dataset_of(str(name))


def to_tree(config: TrainConfig) -> dict[str, Any]:
    """The configuration as plain dicts and lists, for YAML and checkpoints."""
    tree: dict[str, Any] = plain(dataclasses.asdict(config))
    return tree
