"""What Ray's dashboard and its Prometheus show of a scan, where they run."""

import functools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tagger.cluster.actor import Done


@functools.cache
def _counters() -> tuple[Any, Any, Any]:
    """Counters of this process: objects by status, seconds of audio, bytes fetched."""
    from ray.util.metrics import Counter  # noqa: PLC0415 (in Ray's processes only)

    return (
        Counter("tagger_objects", "Objects that are done.", tag_keys=("status",)),
        Counter("tagger_audio_seconds", "Seconds of audio of these objects."),
        Counter("tagger_fetched_bytes", "Bytes that were fetched for them."),
    )


def measure(done: "Done") -> None:
    """Count a batch; nothing where the actor does not live in Ray."""
    ray = sys.modules.get("ray")  # not brought by a scan that has nothing left to do
    if ray is None or not ray.is_initialized():
        return
    objects, audio, fetched = _counters()
    for status, n in done.statuses.items():
        objects.inc(n, tags={"status": status})
    if done.audio_s:
        audio.inc(done.audio_s)
    if done.n_read:
        fetched.inc(done.n_read)
