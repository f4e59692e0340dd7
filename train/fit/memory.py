"""The memory of a fit on the processor, which is the same from step to step."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`."""

KEPT = 2**30
"""In bytes; larger than any tensor of a step on a processor."""


def keep_freed_memory() -> bool:
    """Let the C library keep what tensors give back; tells whether it could be told so.

    Large blocks go back to the system when they are freed, and come from it again as pages that
    it has to fill with zeros: each step of a fit asks for the same hundreds of megabytes, and a
    sixth of its time was that. It cannot be taken back, since glibc then no longer adapts its
    threshold; where the library is not glibc nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((MMAP_THRESHOLD, KEPT), (TRIM_THRESHOLD, 2 * KEPT - 1))
    return all(mallopt(name, n_bytes) == 1 for name, n_bytes in settings)
