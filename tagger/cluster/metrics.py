"""What Ray's dashboard and its Prometheus show of a scan, where they run."""

import functools
import sys
from collections.abc import Mapping
from typing import Any


@functools.cache
def _counters() -> tuple[Any, Any, Any]:
    """Counters of this process: objects by status, seconds of audio, bytes fetched."""
    from ray.util.metrics import Counter  # noqa: PLC0415 (in Ray's processes only)

    return (
        Counter("tagger_objects", "Objects that are done.", tag_keys=("status",)),
        Counter("tagger_audio_seconds", "Seconds of audio of these objects."),
        Counter("tagger_fetched_bytes", "Bytes that were fetched for them."),
    )


def count_batch(statuses: Mapping[str, int], *, audio_s: float, n_read: int) -> None:
    """Count a batch; nothing where the actor does not live in Ray.

    Args:
        statuses: number of objects by status.
        audio_s: seconds of audio of these objects.
        n_read: bytes that were fetched for them.
    """
    ray = sys.modules.get("ray")  # not brought by a scan that has nothing left to do
    if ray is None or not ray.is_initialized():
        return
    objects, audio, fetched = _counters()
    for status, n in statuses.items():
        objects.inc(n, tags={"status": status})
    if audio_s:
        audio.inc(audio_s)
    if n_read:
        fetched.inc(n_read)
