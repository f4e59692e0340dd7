"""Two lanes between memory and a GPU: while one batch is computed, the next is copied.

Inputs go through pinned buffers that the GPU reads by itself; inputs and scores are bound to
the session once, so that no run allocates or copies anything of its own.
"""

import queue
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tagger.model.nvidia_driver import Context
from tagger.model.session import INPUT, OUTPUT

N_LANES = 2

Array = NDArray[np.float32]


class Memory(Protocol):
    """Where a lane's buffers lie and how they are filled."""

    def host(self, shape: tuple[int, ...]) -> Array:
        """A buffer in the computer's memory, from which copies can run by themselves."""

    def on_device(self, shape: tuple[int, ...]) -> Any:
        """An OrtValue on the device."""

    def upload(self, source: Array, target: Any) -> Callable[[], None]:
        """Begin to copy; what is returned waits until it is done."""

    def release(self, buffers: list[Array]) -> None:
        """Give back what `host` made."""


class CudaMemory:
    """Pinned buffers and asynchronous copies on one GPU, through the driver."""

    def __init__(self, index: int) -> None:
        self.index, self.context = index, Context(index)
        self.streams: dict[int, Any] = {}

    def host(self, shape: tuple[int, ...]) -> Array:
        """Zeros in pinned memory."""
        return self.context.pinned(shape)

    def on_device(self, shape: tuple[int, ...]) -> Any:
        """An empty tensor on the GPU."""
        return onnxruntime.OrtValue.ortvalue_from_shape_and_type(
            shape, np.float32, "cuda", self.index
        )

    def upload(self, source: Array, target: Any) -> Callable[[], None]:
        """Begin to copy a pinned buffer, on a stream of the target's own."""
        address = target.data_ptr()
        if address not in self.streams:
            self.streams[address] = self.context.stream()
        stream = self.streams[address]
        self.context.upload(source, address, stream)
        return lambda: self.context.wait(stream)

    def release(self, buffers: list[Array]) -> None:
        """Free the pinned buffers and the streams."""
        for buffer in buffers:
            self.context.free_pinned(buffer)
        for stream in self.streams.values():
            self.context.free_stream(stream)
        self.streams.clear()


@dataclass(slots=True)
class _Lane:
    """Buffers of one batch, bound to the session."""

    windows: Array
    on_device: Any
    scores: Array
    bound: Any


class PinnedLanes:
    """Runs batches of one size on a device, two under way at a time.

    Attributes:
        batch: windows a batch.
    """

    def __init__(
        self, session: Any, memory: Memory, *, batch: int, window_len: int, n_labels: int
    ) -> None:
        self.session, self.memory, self.batch = session, memory, batch
        self.window_len, self.n_labels = window_len, n_labels
        self.free: queue.Queue[_Lane] = queue.Queue()
        self.lanes = [self._make() for _ in range(N_LANES)]
        for lane in self.lanes:
            self.free.put(lane)
        # One thread computes, in the order of the batches; ONNX Runtime releases the GIL.
        self.worker = ThreadPoolExecutor(1, thread_name_prefix="device")

    def _make(self) -> _Lane:
        windows = self.memory.host((self.batch, self.window_len))
        scores = self.memory.host((self.batch, self.n_labels))
        on_device = self.memory.on_device((self.batch, self.window_len))
        bound = self.session.io_binding()
        bound.bind_ortvalue_input(INPUT, on_device)
        bound.bind_ortvalue_output(OUTPUT, onnxruntime.OrtValue.ortvalue_from_numpy(scores))
        return _Lane(windows, on_device, scores, bound)

    def submit(self, windows: Array) -> Future[Array]:
        """Begin with a batch: copied at once, computed as soon as the one before is done.

        Args:
            windows: shape (n, window_len), 1 <= n <= batch; what is missing is padded with
                silence whose scores are dropped.

        Returns:
            The scores to come, shape (n, n_labels).
        """
        lane = self.free.get()  # waits while both lanes are under way
        try:
            lane.windows[: len(windows)] = windows
            lane.windows[len(windows) :] = 0
            arrived = self.memory.upload(lane.windows, lane.on_device)
            return self.worker.submit(self._compute, lane, arrived, len(windows))
        except BaseException:
            self.free.put(lane)
            raise

    def _compute(self, lane: _Lane, arrived: Callable[[], None], n_windows: int) -> Array:
        try:
            arrived()
            self.session.run_with_iobinding(lane.bound)
            lane.bound.synchronize_outputs()
            return lane.scores[:n_windows].copy()
        finally:
            self.free.put(lane)

    def resized(self, batch: int) -> "PinnedLanes":
        """PinnedLanes for batches of another size; these are closed."""
        self.close()
        return PinnedLanes(
            self.session,
            self.memory,
            batch=batch,
            window_len=self.window_len,
            n_labels=self.n_labels,
        )

    def close(self) -> None:
        """Wait for what is under way and give the buffers back."""
        self.worker.shutdown()
        buffers = [one for lane in self.lanes for one in (lane.windows, lane.scores)]
        for lane in self.lanes:
            lane.bound.clear_binding_inputs()
            lane.bound.clear_binding_outputs()
        self.lanes = []
        self.memory.release(buffers)
