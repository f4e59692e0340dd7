"""What holds for every dataset."""

import numpy as np


def of(clips, split):
    return sorted(clips.ids[clips.splits == split].tolist())


def assert_sound(clips, *, grouped=True):
    """What holds for every set of recordings; published splits may part neighbours."""
    n = len(clips)
    assert n == len(clips.ids) == len(clips.targets) == len(clips.splits) == len(clips.groups)
    assert len(set(clips.ids.tolist())) == n
    assert clips.targets.shape[1] == len(clips.labels)
    assert clips.targets.dtype == np.float32
    assert set(clips.splits.tolist()) <= {"train", "valid", "test"}
    assert all(path.is_file() for path in clips.paths)
    sides = {}
    for group, split in zip(clips.groups.tolist(), clips.splits.tolist(), strict=True):
        assert not grouped or sides.setdefault(group, split) == split
    if clips.kind == "single":
        assert (clips.targets.sum(axis=1) == 1).all()
