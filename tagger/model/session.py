"""A model file and a list of providers -> ONNX Runtime's session, held to what it claims."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime

from tagger.errors import DeviceError, ModelError
from tagger.model.device_options import PROVIDERS
from tagger.model.providers import ProviderList
from tagger.model.spec import METADATA_KEY, ModelSpec, parse_spec
from tagger.model.trimmed_front_end import lean_bytes
from tagger.system.cores import usable_cores

INPUT, OUTPUT, EMBEDDING = "waveform", "scores", "embedding"

_SILENT = 4
_OUT_OF_MEMORY = (
    "out of memory",
    "failed to allocate",
    "cudaerrormemoryallocation",
    "cuda_error_out_of_memory",
)
_DEVICE_FAILURES = (
    ("driver version is insufficient", "the NVIDIA driver is too old; update it"),
    ("invalid device ordinal", "there is no GPU of that number; see nvidia-smi"),
    ("no cuda-capable device", "the driver sees no GPU; see nvidia-smi"),
    ("no kernel image", "ONNX Runtime has no kernels for this GPU; use --device cpu"),
    (
        "deserialize",
        "the cached TensorRT engine cannot be read; `tagger engine clear` removes it",
    ),
    ("cudnn", "cuDNN does not work; pip install 'tagger-music[cuda]' brings the right one"),
)
"""What a failing start says, in small letters, and the sentence that it becomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSettings:
    """How ONNX Runtime uses the processor; measured by `benchmarks/cpu_settings.py`.

    Attributes:
        n_threads: threads that compute one batch; None for one a core. `load_engine` takes
            None for half of the cores if that is enough for the model.
        spinning: whether threads without work wait busily. The decoders need the cores while
            a batch is being collected, so they sleep.
        arena: whether memory is kept between batches.
    """

    n_threads: int | None = None
    spinning: bool = False
    arena: bool = True


def open_session(
    path: Path,
    providers: ProviderList,
    *,
    cpu: CpuSettings = CpuSettings(),
    optimise: bool = True,
    profile_to: Path | None = None,
) -> Any:
    """Load a model.

    Args:
        path: the model file.
        providers: the asked one first.
        cpu: how the processor is used.
        optimise: False is faster where the model is only asked what it is.
        profile_to: beginning of the profile's file name; None for no profile.

    Raises:
        ModelError: the file is missing or no model that can be run.
        DeviceError: the device refused; the message names cause and remedy.
    """
    if not path.is_file():
        raise ModelError(f"{path}: there is no such model file; check the path.")
    options = session_options(cpu, optimise=optimise)
    if profile_to is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile_to)
    model = (lean_bytes(path) if optimise else None) or path
    try:
        # Without the fallback of the Python wrapper, which prints and takes the CPU.
        return onnxruntime.InferenceSession(
            model, sess_options=options, providers=providers, enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's errors share no base but Exception
        raise _translated(error, path, providers) from error


def session_options(cpu: CpuSettings, *, optimise: bool = True) -> Any:
    """Options of a session in ONNX Runtime's own form."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    options.intra_op_num_threads = cpu.n_threads or usable_cores()
    options.enable_cpu_mem_arena = cpu.arena
    spinning = "1" if cpu.spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    # So that `node_counts` can tell whether the GPU was really given the graph.
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if not optimise:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    return options


def _translated(
    error: Exception, path: Path, providers: ProviderList
) -> DeviceError | ModelError:
    """The error of a start as a sentence: whose fault it is, and what to do."""
    reason = str(error).strip().split("\n", 1)[0]
    first = providers[0] if isinstance(providers[0], str) else providers[0][0]
    device = next(name for name, provider in PROVIDERS.items() if provider == first)
    if device == "cpu":
        return ModelError(
            f"{path}: not a model that can be run ({reason}); export it again, or use another."
        )
    if is_out_of_memory(error):
        return DeviceError(
            f"--device {device}: no memory on the device for {path} ({reason}); close what else"
            " uses it, choose another GPU (--device cuda:1), or use --device cpu."
        )
    for sign, sentence in _DEVICE_FAILURES:
        if sign in str(error).lower():
            return DeviceError(f"--device {device}: {sentence} ({reason}).")
    try:  # a file that no device can run is not the device's fault
        open_session(path, [PROVIDERS["cpu"]], optimise=False)
    except ModelError as broken:
        return broken
    return DeviceError(
        f"--device {device}: {path} cannot be started there ({reason}); `tagger export --check`"
        " says what may stand in the way, --device cpu does without."
    )


def read_spec(path: Path) -> ModelSpec:
    """What a model file says of itself; the graph is loaded but not optimised.

    Raises:
        ModelError: the file is missing, corrupt or not one of ours.
    """
    cpu = CpuSettings(n_threads=1)
    return spec_of(open_session(path, [PROVIDERS["cpu"]], cpu=cpu, optimise=False), path)


def spec_of(session: Any, path: Path) -> ModelSpec:
    """Read the spec and hold the graph to it.

    Raises:
        ModelError: there is none, or the graph is another one.
    """
    try:
        spec = parse_spec(session.get_modelmeta().custom_metadata_map.get(METADATA_KEY))
    except ModelError as error:
        raise ModelError(f"{path}: not a model of tagger: {error}.") from error
    inputs = {node.name: node.shape for node in session.get_inputs()}
    outputs = {output.name: output.shape for output in session.get_outputs()}
    if list(inputs) != [INPUT] or inputs[INPUT][1:] != [spec.window_len]:
        raise ModelError(
            f"{path}: its input is {inputs}, not '{INPUT}' (batch, {spec.window_len}) as its"
            f" {METADATA_KEY} says; export it again."
        )
    if OUTPUT not in outputs or outputs[OUTPUT][1:] != [len(spec.labels)]:
        raise ModelError(
            f"{path}: its output is {outputs}, not '{OUTPUT}' (batch, {len(spec.labels)}) as"
            f" its {METADATA_KEY} says; export it again."
        )
    _check_embedding(session, spec, path)
    return spec


def _check_embedding(session: Any, spec: ModelSpec, path: Path) -> None:
    """Hold the graph to the embedding that its spec names; nobody asks for another one."""
    if spec.embedding is None:
        return
    outputs = {output.name: (output.type, output.shape[1:]) for output in session.get_outputs()}
    if outputs.get(EMBEDDING) != ("tensor(float)", [spec.embedding]):
        has = f"is {outputs[EMBEDDING]}" if EMBEDDING in outputs else "is not there"
        raise ModelError(
            f"{path}: its output '{EMBEDDING}' {has}, and its {METADATA_KEY} says float32"
            f" (batch, {spec.embedding}); export it again."
        )


def check_provider(session: Any, device: str) -> None:
    """The first provider must be the asked one, and nodes must have been given to it.

    Raises:
        DeviceError: it is another one, or it got none.
    """
    # ONNX Runtime lists what it started: a provider that failed is simply not there.
    first = session.get_providers()[0]
    if first != PROVIDERS[device]:
        raise DeviceError(
            f"--device {device}: ONNX Runtime could not start {PROVIDERS[device]} and would"
            f" have used {first}; run `tagger doctor`, or use --device auto to accept that."
        )
    counts = node_counts(session)
    if counts and not counts.get(PROVIDERS[device]):
        raise DeviceError(
            f"--device {device}: none of the model's nodes was given to {PROVIDERS[device]}"
            f" ({counts}); run `tagger export --check` on the model."
        )


def node_counts(session: Any) -> dict[str, int]:
    """Nodes of the optimised graph by provider; empty where ONNX Runtime cannot tell."""
    try:
        groups = session.get_provider_graph_assignment_info()
    except (AttributeError, RuntimeError):  # older, or not recorded
        return {}
    counts: dict[str, int] = {}
    for group in groups:
        counts[group.ep_name] = counts.get(group.ep_name, 0) + len(group.get_nodes())
    return counts


def is_out_of_memory(error: Exception) -> bool:
    """Whether ONNX Runtime or CUDA had no memory left."""
    text = str(error).lower()
    return any(sign in text for sign in _OUT_OF_MEMORY)
