"""A model that is made on this machine -> its name, its metadata, its file."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.model.catalogue import PACKAGED, models_folder
from tagger.system.whole_file import whole_file

_NAME = re.compile(r"[^\s/\\:*?\"<>|.\0][^/\\:*?\"<>|\0]{0,62}")


def new_model_file(name: str) -> Path:
    """Where the model of a name is written: the user's folder of models.

    Raises:
        InputError: the name cannot be one, or is that of a model of the package.
    """
    if not _NAME.fullmatch(name) or name != name.strip():
        raise InputError(
            f"{name}: this cannot be the name of a model; use letters, digits and - (it is"
            f" written to {models_folder()})."
        )
    if (PACKAGED / f"{name}.onnx").exists():
        raise InputError(f"{name}: a model of the package has this name; choose another.")
    return models_folder() / f"{name}.onnx"


def set_metadata(model: Any, entries: Mapping[str, str]) -> None:
    """Put entries into an `onnx.ModelProto`, in place of those of the same keys."""
    kept = [prop for prop in model.metadata_props if prop.key not in entries]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    for key, value in entries.items():
        model.metadata_props.add(key=key, value=value)


def put_model(path: Path, data: bytes) -> None:
    """Write a model file whole or not at all; another one of its name is replaced.

    Raises:
        InputError: the folder cannot be written, or is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part, part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}).") from error
