"""`tagger study features`: the five front ends, as alike as they can be made."""

import dataclasses
from typing import Any

from train.features import FRONT_ENDS

CALLED = {"n_bands": "n_mels"}
"""What a front end calls a length that mel calls otherwise."""

OWN = {"chroma": ("n_fft",), "midi": ("n_fft",)}
"""What a front end keeps of its own: pitches want a longer frame than bands do."""

POOLS = (5, 4, 3, 2, 1)
"""Places of a learned filter that may become one frame."""


def options_like(name: str, like: Any) -> dict[str, Any]:
    """Options of a front end with the rate, the frames and the bands of another one.

    Args:
        name: of the front end.
        like: options of mel.
    """
    given = dataclasses.asdict(like)
    made = {}
    for field in dataclasses.fields(FRONT_ENDS[name][0]):
        source = CALLED.get(field.name, field.name)
        if source in given and field.name not in OWN.get(name, ()):
            made[field.name] = given[source]
    if name == "raw":
        pool = next(pool for pool in POOLS if like.hop_len % pool == 0)
        made |= {"stride": like.hop_len // pool, "pool": pool}
        made["f_min_hz"] = max(given["f_min_hz"], FRONT_ENDS[name][0]().f_min_hz)
        made["f_max_hz"] = min(given["f_max_hz"], 0.45 * like.sample_rate)
    return made
