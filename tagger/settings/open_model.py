"""Model file, device and settings -> a scorer that is loaded when it is needed."""

from functools import partial
from pathlib import Path

from tagger.model.device_file import file_on
from tagger.model.device_options import DeviceOptions, parse_device
from tagger.model.lazy import DeferredEngine, LoadWatch, load_watched, replaced
from tagger.model.spec_file import spec_in
from tagger.settings.config import Settings
from tagger.settings.model_overrides import with_settings
from tagger.system.digest import sha256_of
from tagger.system.quiet import silence_native_stderr


def open_model(
    path: Path, device: str, options: DeviceOptions, *, settings: Settings, watch: LoadWatch
) -> tuple[DeferredEngine, list[str]]:
    """Name a model that is loaded for the first file to be decoded.

    What can be wrong about the file is told now. Who asks for a GPU, or for a measurement, is
    told now what comes of it: then it is loaded.

    Args:
        path: the model file; of eight bits for processors a GPU takes the float32 file
            beside it, and that is the one that the scorer names.
        device: as `parse_device` takes it.
        options: how the device is used.
        settings: the owner's thresholds and tree lie over the model's own.
        watch: told of the loading.

    Returns:
        The scorer, and sentences about settings that the model cannot follow.

    Raises:
        ModelError: the file cannot be used.
        DeviceError: the device that was asked for cannot be used.
        InputError: `device` names none.
    """
    silence_native_stderr()
    kind, options = parse_device(device, options)
    path = file_on(path, kind, options.index)
    own = spec_in(path)
    sha256 = sha256_of(path)
    if spec_in(path) != own:  # a revision is in it
        raise replaced(path)
    spec, notes = with_settings(own, settings)
    load = partial(load_watched, path, kind, options, watch)
    engine = DeferredEngine(path, spec, load, sha256=sha256)
    if kind not in {"auto", "cpu"} or options.auto_batch:
        engine.prepare()
    return engine, notes
