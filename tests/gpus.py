"""GPUs that are not there: a driver in C's manners, and sessions that say what CUDA's would."""

import ctypes
from types import SimpleNamespace

import numpy as np

from tagger.model import devices, load, nvidia_driver
from tagger.model.device_options import PROVIDERS
from tagger.model.devices import Finding
from tagger.model.session import open_session


def address_of(argument):
    """The object behind a `ctypes.byref`."""
    return argument._obj


class FakeDriver:
    """NVIDIA's driver with one or more GPUs; `failures` maps a function to its error code."""

    def __init__(self, *, version=13000, gpus=("Fake GPU",), failures=None):
        self.version, self.gpus, self.failures = version, gpus, failures or {}
        self.calls: list[str] = []
        self.pinned: dict[int, object] = {}

    def __getattr__(self, name):
        if name not in FakeDriver.__dict__.get("KNOWN", ()):
            raise AttributeError(name)

        def call(*arguments):
            self.calls.append(name)
            if name in self.failures:
                return self.failures[name]
            return getattr(self, f"do_{name}", lambda *_: 0)(*arguments)

        return call

    KNOWN = (
        "cuInit cuDriverGetVersion cuDeviceGetCount cuDeviceGet cuDeviceGetName"
        " cuDeviceGetAttribute cuGetErrorString cuDevicePrimaryCtxRetain cuCtxSetCurrent"
        " cuMemHostAlloc cuMemFreeHost cuStreamCreate cuStreamSynchronize cuStreamDestroy_v2"
        " cuMemcpyHtoDAsync_v2 cuMemGetInfo_v2"
    ).split()

    def do_cuDriverGetVersion(self, version):  # noqa: N802
        address_of(version).value = self.version
        return 0

    def do_cuDeviceGetCount(self, count):  # noqa: N802
        address_of(count).value = len(self.gpus)
        return 0

    def do_cuDeviceGet(self, device, index):  # noqa: N802
        address_of(device).value = index
        return 0 if index < len(self.gpus) else 101

    def do_cuDeviceGetName(self, name, _size, device):  # noqa: N802
        name.value = self.gpus[device.value].encode()
        return 0

    def do_cuDeviceGetAttribute(self, value, attribute, _device):  # noqa: N802
        address_of(value).value = {75: 9, 76: 0}[attribute]
        return 0

    def do_cuGetErrorString(self, code, text):  # noqa: N802
        address_of(text).value = f"reason {code}".encode()
        return 0

    def do_cuMemHostAlloc(self, address, size, _flags):  # noqa: N802
        buffer = ctypes.create_string_buffer(size.value)
        place = ctypes.addressof(buffer)
        self.pinned[place] = buffer
        address_of(address).value = place
        return 0

    def do_cuMemFreeHost(self, address):  # noqa: N802
        del self.pinned[address.value]
        return 0

    def do_cuMemcpyHtoDAsync_v2(self, target, source, size, _stream):  # noqa: N802
        ctypes.memmove(target.value, source.value, size.value)
        return 0

    def do_cuMemGetInfo_v2(self, free, total):  # noqa: N802
        address_of(free).value, address_of(total).value = 3 << 30, 4 << 30
        return 0


def use_driver(monkeypatch, fake):
    """Let the program find this driver, and nothing of what was found before."""
    devices.find_device.cache_clear()
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
        device = next(name for name, one in PROVIDERS.items() if one == first)
        return inner if device == "cpu" else make(inner, device, **claims)

    monkeypatch.setattr(load, "find_device", lambda device, index=0: Finding(device, None))
    monkeypatch.setattr(load, "open_session", opened)
    return asked


def windows_of(n_windows, window_len, seed=0):
    """Noise, shape (n_windows, window_len)."""
    random = np.random.default_rng(seed)
    return (0.1 * random.standard_normal((n_windows, window_len))).astype(np.float32)
