"""GPUs that are not there: a driver that tells of them, sessions that say what CUDA's would."""

from types import SimpleNamespace

import numpy as np

from tagger.model import devices, load, nvidia_driver
from tagger.model.device_options import PROVIDERS
from tagger.model.devices import Finding
from tagger.model.session import open_session


class FakeNvmlError(Exception):
    """What the library raises."""


class FakeDriver:
    """NVIDIA's management library over GPUs that are not there.

    Args:
        version: the CUDA that it speaks, as in 13000.
        gpus: their names, by slot.
        failures: a function's name to what the library says of its failure.
    """

    NVMLError = FakeNvmlError

    def __init__(self, *, version=13000, gpus=("Fake GPU",), failures=None):
        self.version, self.gpus, self.failures = version, gpus, failures or {}

    def _answer(self, name, value):
        if name in self.failures:
            raise FakeNvmlError(self.failures[name])
        return value

    def nvmlSystemGetCudaDriverVersion_v2(self):  # noqa: N802
        return self._answer("nvmlSystemGetCudaDriverVersion_v2", self.version)

    def nvmlDeviceGetCount(self):  # noqa: N802
        return self._answer("nvmlDeviceGetCount", len(self.gpus))

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        if index >= len(self.gpus):
            raise FakeNvmlError("Invalid Argument")
        return index

    def nvmlDeviceGetHandleByUUID(self, name):  # noqa: N802
        if name not in (uuids := [f"GPU-{index}" for index in range(len(self.gpus))]):
            raise FakeNvmlError("Not Found")
        return uuids.index(name)

    def nvmlDeviceGetName(self, handle):  # noqa: N802
        return self.gpus[handle]

    def nvmlDeviceGetCudaComputeCapability(self, _handle):  # noqa: N802
        return (9, 0)


def use_driver(monkeypatch, fake):
    """Let the program find this driver (None: none), and nothing of what was found before."""
    devices.find_device.cache_clear()
    monkeypatch.setattr(nvidia_driver, "is_installed", lambda: fake is not None)
    monkeypatch.setattr(nvidia_driver, "library", lambda: fake)
    monkeypatch.setattr(devices, "_load_problem", lambda _: None)
    return fake


class Claims:
    """A session on the CPU that claims to be another provider's.

    Args:
        inner: ONNX Runtime's own session.
        device: whose provider comes first in `get_providers`.
        nodes: what `get_provider_graph_assignment_info` says; None if all are the device's.
        fails: raised by each run of more windows than `room`.
    """

    def __init__(self, inner, device="cuda", *, nodes=None, fails=None, room=0):
        self.inner, self.device, self.fails, self.room = inner, device, fails, room
        self.nodes = nodes or {PROVIDERS[device]: 80}
        self.batches: list[int] = []

    def get_providers(self):
        return [PROVIDERS[self.device], PROVIDERS["cpu"]]

    def get_provider_graph_assignment_info(self):
        return [
            SimpleNamespace(ep_name=name, get_nodes=lambda n=count: [None] * n)
            for name, count in self.nodes.items()
        ]

    def run(self, outputs, feed):
        size = len(feed["waveform"])
        self.batches.append(size)
        if self.fails is not None and size > self.room:
            raise self.fails
        return self.inner.run(outputs, feed)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def pretend(monkeypatch, *, make=Claims, **claims):
    """Every device seems to be there, and each session claims to be the asked device's.

    Returns:
        What was asked for: the lists of providers, in order.
    """
    asked = []

    def opened(path, providers, **options):
        first = providers[0] if isinstance(providers[0], str) else providers[0][0]
        asked.append(providers)
        inner = open_session(path, [PROVIDERS["cpu"]], **options)
        device = next(name for name, provider in PROVIDERS.items() if provider == first)
        return inner if device == "cpu" else make(inner, device, **claims)

    monkeypatch.setattr(load, "find_device", lambda device, index=0: Finding(device, None))
    monkeypatch.setattr(load, "open_session", opened)
    return asked


def windows_of(n_windows, window_len, seed=0):
    """Noise, shape (n_windows, window_len)."""
    random = np.random.default_rng(seed)
    return (0.1 * random.standard_normal((n_windows, window_len))).astype(np.float32)
