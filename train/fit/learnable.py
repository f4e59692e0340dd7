"""Whether a configuration and its clips go together, and what it left to them."""

from train.config.checks import check_coded, check_kind, check_labels, needs_valid
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
    if config.fit.branches > 1:
        needs_valid(config, "fit.branches")
    check_coded(config, clips)
    check_labels(config, clips)
    learned = clips.split("train")
    check_learnable(learned)
    say(f"{len(learned)} clips to learn from, {len(clips.labels)} labels")
    return config
