"""Which share of the nodes, and of the time, each provider has: ONNX Runtime's profile."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tagger.model.device_options import PROVIDERS, DeviceOptions
from tagger.model.providers import provider_list
from tagger.model.self_test import golden_windows
from tagger.model.session import INPUT, OUTPUT, check_provider, open_session, spec_of

N_RUNS = 5
N_OPERATORS = 5
_KERNEL = "_kernel_time"
_SHORT = {provider: device for device, provider in PROVIDERS.items()}


@dataclass(frozen=True, slots=True)
class Share:
    """What one provider did.

    Attributes:
        device: 'cpu', 'cuda' or 'tensorrt'.
        n_nodes: nodes of the optimised graph that it ran; a TensorRT engine is one node.
        nodes: their share of all nodes, in [0, 1].
        time: its share of the kernels' time, in [0, 1]. On a GPU that is the time until a
            kernel was started, unless the provider waits for it.
        operators: types that took longest, with their share of all time.
    """

    device: str
    n_nodes: int
    nodes: float
    time: float
    operators: dict[str, float]


def profile_model(
    path: Path, device: str, *, options: DeviceOptions = DeviceOptions()
) -> list[Share]:
    """Run a model a few times under ONNX Runtime's profiler.

    Args:
        path: the model file.
        device: 'cpu', 'cuda' or 'tensorrt'; it must be usable.
        options: how it is used.

    Returns:
        One entry a provider, the one with most time first.

    Raises:
        ModelError: the model cannot be run.
        DeviceError: the device cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = open_session(path, [PROVIDERS["cpu"]], optimise=False)
        spec = spec_of(plain, path)
        providers = provider_list(device, options, path=path, spec=spec)
        session = open_session(path, providers, profile_to=Path(folder) / "profile")
        check_provider(session, device)
        batch = options.profile[1] if device == "tensorrt" else options.batch_on(device)
        windows = np.ascontiguousarray(
            np.resize(golden_windows(spec), (batch, spec.window_len))
        )
        for _ in range(N_RUNS + 1):
            session.run([OUTPUT], {INPUT: windows})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return shares_of(events)


def shares_of(events: Iterable[Mapping[str, Any]]) -> list[Share]:
    """The providers of a profile's kernels; the first run of each node counts for no time."""
    provider_of: dict[str, str] = {}
    times: Counter[tuple[str, str]] = Counter()
    for event in events:
        name, about = str(event.get("name", "")), event.get("args", {})
        if event.get("cat") != "Node" or not name.endswith(_KERNEL):
            continue
        device = _SHORT.get(about.get("provider", ""), about.get("provider", "unknown"))
        # The first time a node runs it is set up: that counts as a node, and for no time.
        if name in provider_of:
            times[device, str(about.get("op_name", ""))] += int(event["dur"])
        provider_of[name] = device
    total = sum(times.values()) or 1
    counts = Counter(provider_of.values())
    shares = [
        Share(
            device=device,
            n_nodes=count,
            nodes=count / len(provider_of),
            time=sum(time for (where, _), time in times.items() if where == device) / total,
            operators=_longest(times, device, total),
        )
        for device, count in counts.items()
    ]
    return sorted(shares, key=lambda share: -share.time)


def _longest(times: Counter[tuple[str, str]], device: str, total: int) -> dict[str, float]:
    own = Counter({name: time for (where, name), time in times.items() if where == device})
    return {name: round(time / total, 4) for name, time in own.most_common(N_OPERATORS)}


def sentence(shares: Iterable[Share]) -> str:
    """The shares in words, as `doctor` and `bench` print them."""
    return "; ".join(
        f"{share.device}: {share.n_nodes} nodes ({share.nodes:.0%}),"
        f" {share.time:.0%} of the time"
        for share in shares
    )
