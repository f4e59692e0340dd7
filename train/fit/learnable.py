"""Whether a configuration and its clips go together, and what it left to them."""

from train.config.checks import check_branches, check_kind, check_labels
from train.config.config import TrainConfig
from train.data.load_clips import Say, check_learnable, resolved
from train.datasets.base import FeatureSet


def learnable(config: TrainConfig, clips: FeatureSet, *, say: Say) -> TrainConfig:
    """The configuration with what it left to the data, once both fit together.

    Raises:
        InputError: they do not.
    """
    config = resolved(config, clips, say=say)
    check_kind(config)
    check_branches(config)
    check_labels(config, clips)
    learned = clips.split("train")
    check_learnable(learned)
    say(f"{len(learned)} clips to learn from, {len(clips.labels)} labels")
    return config
