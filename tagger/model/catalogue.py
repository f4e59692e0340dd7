"""Model names -> model files: what ships with the package, and what the user added."""

import os
from collections.abc import Iterator
from pathlib import Path

from tagger.errors import ModelError
from tagger.model.spec import PRECISIONS, Precision
from tagger.model.spec_file import spec_in
from tagger.system.folders import user_folder

DEFAULT = "default"
CHECKPOINT = ".pt"
PACKAGED = Path(__file__).parents[1] / "models"


def models_folder() -> Path:
    """The folder whose `.onnx` files can be named without a path; it need not exist."""
    if given := os.environ.get("TAGGER_MODELS"):
        return Path(given)
    return user_folder("data") / "models"


def list_models() -> Iterator[Path]:
    """Every model that has a name: the packaged ones first, each folder by name.

    `NAME.fp32.onnx` and the like are no models of their own where there is a `NAME.onnx`.
    """
    files = list(_model_files())
    names = {path.stem for path in files}
    variants = {f"{name}.{precision}" for name in names for precision in PRECISIONS}
    yield from (path for path in files if path.stem not in variants)


def _model_files() -> Iterator[Path]:
    for folder in (PACKAGED, models_folder()):
        if folder.is_dir():
            yield from sorted(folder.glob("*.onnx"))


def find_model(name_or_path: str) -> Path:
    """The file of a model that was given by name (`default`) or by path.

    A packaged model wins over one of the same name in the user's folder, so that `default`
    means the same on every machine.

    Raises:
        ModelError: there is no such file or name, or it is a checkpoint.
    """
    path = Path(name_or_path)
    if path.suffix.lower() == CHECKPOINT and path.is_file():
        raise ModelError(
            f"{path}: is the checkpoint of a run; `tagger export {path} -o MODEL.onnx` makes a"
            " model of it."
        )
    if path.suffix.lower() == ".onnx" or path.parent != Path():
        if path.is_file():
            return path
        raise ModelError(f"{path}: there is no such model file; check the path.")
    # Reversed: of equal names the packaged one comes last, and stays.
    named = {model.stem: model for model in reversed(list(_model_files()))}
    if name_or_path in named:
        return named[name_or_path]
    there = ", ".join(sorted({model.stem for model in list_models()}))
    raise ModelError(
        f"{name_or_path}: no model has that name (there are: {there}); give the path of an"
        f" .onnx file, or put one into {models_folder()}."
    )


def find_variant(model: Path, precision: Precision) -> Path | None:
    """The file of the same model in another precision, `NAME.fp16.onnx` for `NAME.onnx`.

    It is looked for beside the model and in the user's folder, since the package's own may
    not be writable. None if there is no such file.
    """
    name = f"{model.stem}.{precision}.onnx"
    for folder in (model.parent, models_folder()):
        if (folder / name).is_file():
            return folder / name
    return None


def whole_of(model: Path) -> Path:
    """The float32 file that a model of eight bits for processors was made from; else itself.

    Raises:
        ModelError: it is not beside the model, or is of another revision.
    """
    spec = spec_in(model)
    if not spec.is_for_processors:
        return model
    whole, revision = find_variant(model, "fp32"), spec.quantisation.get("from")
    if whole is None:
        raise ModelError(
            f"{model}: its eight bits are for processors, and there is no"
            f" {model.stem}.fp32.onnx beside it for anything else."
        )
    if spec_in(whole).revision != revision:
        raise ModelError(
            f"{whole}: is revision {spec_in(whole).revision}, and {model} was made from"
            f" {revision}; put the two that belong together beside each other."
        )
    return whole


def variants_of(model: Path) -> list[Path]:
    """A model and its variants of other precisions, itself first."""
    variants = [find_variant(model, precision) for precision in PRECISIONS]
    return [model, *(path for path in variants if path is not None)]


def find_precision(name_or_path: str, precision: Precision | None) -> Path:
    """The file of a model in the precision that was asked for; None takes it as it is.

    Raises:
        ModelError: there is no such model, or none of that precision.
    """
    path = find_model(name_or_path)
    if precision is None:
        return path
    variant = find_variant(path, precision) or path
    spec = spec_in(variant)
    if spec.precision == precision:
        return variant
    name = f"{path.stem}.{precision}.onnx"
    writable = path.parent if os.access(path.parent, os.W_OK) else models_folder()
    raise ModelError(
        f"--precision {precision}: {variant} is {spec.precision}, and there is no {name} beside"
        f" it or in {models_folder()}; `tagger export {variant} --precision {precision}"
        f" -o {writable / name}` makes it."
    )
