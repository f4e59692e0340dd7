"""Memory that a decoding process writes windows into and its scan reads them from.

A pipe would copy every sample into the kernel and out again. What the two agree on by messages
is only which slot is full and which is free again.
"""

import mmap
import os
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from tagger.audio.windows import Waveform

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SLOTS = 4
"""Windows that may be on their way: one being written, one being read, and some to spare."""

_BYTES = 4  # of a sample


def new_memory() -> int | None:
    """A descriptor of memory without a name, to be inherited; None where that cannot be."""
    if os.name == "nt":  # a descriptor is not inherited there
        return None
    try:
        if hasattr(os, "memfd_create"):
            return os.memfd_create("tagger-windows", 0)
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    except OSError:  # windows then go through the pipe
        return None


class Slots:
    """Places for windows of one length, in memory that two processes see."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._windows: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def fit(self, window_len: int) -> None:
        """Make room for windows of this length; nothing may be on its way."""
        if self._windows.shape[1] == window_len:
            return
        size = N_SLOTS * window_len * _BYTES
        if os.fstat(self._descriptor).st_size < size:
            os.ftruncate(self._descriptor, size)
        memory = mmap.mmap(self._descriptor, size)
        self._windows = np.frombuffer(memory, np.float32).reshape(N_SLOTS, window_len)

    def put(self, slot: int, window: Waveform) -> None:
        """Write a window, shape (window_len,)."""
        self._windows[slot] = window

    def take(self, slot: int) -> Waveform:
        """A copy of what was written, shape (window_len,)."""
        window: Waveform = self._windows[slot].copy()
        return window
