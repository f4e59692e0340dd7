import dataclasses
import re
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest
import yaml

import train.config.config
from train.config.config import TrainConfig, from_tree, load_config, to_tree
from train.features import FRONT_ENDS
from train.models import BODIES

FOLDER = Path(train.config.config.__file__).parents[1] / "configs"
EXPLAINED = re.compile(r"\b([a-z_]+):[^#]*# +(\S.*)")
SEEDS = {
    "gtzan-cnn": ("gtzan-logmel", "mel", "cnn"),
    "fma-small-cnn": ("fma-small-logmel", "mel", "cnn"),
    "fma-small-crnn": ("fma-small-logmel", "mel", "crnn"),
    "gtzan-features": ("gtzan:fault-filtered", "mel", "cnn-lstm"),
    "gtzan-cnn-transformer": ("gtzan-logmel", "mel", "cnn-transformer"),
    "mtat-cnn-lstm": ("mtat:filtered", "mel", "cnn-lstm"),
    "distil": ("recordings", "mel", "cnn-lstm"),
    "compare-recordings": ("recordings:0", "mel", "cnn-lstm"),
}


def fields_of(kind):
    """Names of all fields of a record and of the records in it, and in its lists."""
    for name, hint in get_type_hints(kind).items():
        listed = [arg for arg in get_args(hint) if dataclasses.is_dataclass(arg)]
        if dataclasses.is_dataclass(hint):
            yield from fields_of(hint)
        elif get_origin(hint) is tuple and listed:
            yield name
            yield from fields_of(listed[0])
        else:
            yield name


def explained():
    """Names that stand before a comment somewhere in the examples."""
    lines = [line for path in FOLDER.glob("*.yaml") for line in path.read_text().splitlines()]
    return {found[1] for line in lines if (found := EXPLAINED.search(line))}


def test_every_field_is_explained_in_an_example():
    """Of the configuration, of each front end and of each body."""
    kinds = [TrainConfig, *(name[0] for name in (*FRONT_ENDS.values(), *BODIES.values()))]
    names = {name for kind in kinds for name in fields_of(kind)}
    assert len(names) > 80
    assert sorted(names - explained() - {"features_options", "body_options"}) == []


def test_the_file_of_every_field_shows_the_defaults():
    """No field is missing, and none has another value."""
    path = FOLDER / "every-field.yaml"
    assert load_config(path, {}) == from_tree({})
    shown, known = yaml.safe_load(path.read_text()), to_tree(from_tree({}))
    assert shown.keys() == known.keys()
    for name, value in known.items():
        if isinstance(value, dict):
            assert shown[name].keys() == value.keys(), name


@pytest.mark.parametrize(
    ("field", "known"), [("features", FRONT_ENDS), ("body", BODIES)], ids=["features", "body"]
)
def test_the_file_of_every_field_names_every_front_end_and_body(field, known):
    """Beside its field; and with each, the options that the default one does not have."""
    text = (FOLDER / "every-field.yaml").read_text()
    beside = re.search(rf"^{field}: \S+ +(#.*(?:\n +#.*)*)", text, re.MULTILINE)[1]
    assert set(re.findall(r"[a-z][a-z-]+", beside)) >= set(known)
    blocks = re.findall(r"^# ([a-z, -]+?) (?:has|have)\b(.*(?:\n#  .*)*)", text, re.MULTILINE)
    own = {
        name: set(re.findall(r"([a-z_]+): ", options))
        for names, options in blocks
        for name in names.split(", ")
    }
    usual = set(fields_of(known[getattr(from_tree({}), field)][0]))
    for name, (options, _) in known.items():
        assert set(fields_of(options)) - usual <= own.get(name, set()), name


@pytest.mark.parametrize("name", SEEDS)
def test_there_is_an_example_of_each_known_experiment(name):
    """Data set, front end and body are those of the experiment."""
    config = load_config(FOLDER / f"{name}.yaml", {})
    assert (config.datasets[0], config.features, config.body) == SEEDS[name]
    if name == "gtzan-cnn":
        assert len(config.body_options.channels) == 4
