"""Which model is used: the one that the service was started with, or one chosen since.

All processes of a service read the choice from the database, and open another `Tagger` when it,
or the model's file, is another one.
"""

import functools
import json
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.orm import Session

from tagger.errors import ModelError
from tagger.model.catalogue import find_model, list_models
from tagger.model.spec_file import spec_in
from tagger.service.db.engine import Database
from tagger.service.db.models import Meta
from tagger.service.options import ServeOptions

if TYPE_CHECKING:
    from tagger import Tagger

log = logging.getLogger(__name__)

_CHOICE = "model"


class ModelFile(NamedTuple):
    """A model as it is at one time: learned again, it is another one of the same name."""

    name: str
    mtime_ns: int


def model_file(name: str) -> ModelFile:
    """A model by its name, as its file is now.

    Raises:
        ModelError: there is no such model.
    """
    return ModelFile(name, find_model(name).stat().st_mtime_ns)


def used_model(session: Session, options: ServeOptions) -> ModelFile:
    """The model that scans use.

    Raises:
        ModelError: the model that the service was started with is not there.
    """
    if (name := _chosen(session, options)) is not None:
        try:
            file = model_file(name)
            _check(find_model(name), file.mtime_ns)
        except (ModelError, OSError) as error:
            log.warning("%s is used instead of what was chosen: %s", options.model, error)
        else:
            return file
    return model_file(options.model)


def choose_model(session: Session, options: ServeOptions, name: str) -> None:
    """Let scans use another model, until the service is started with another `--model`.

    Raises:
        ModelError: no model has this name, or it cannot be read; a path is no name.
    """
    if name != options.model and name not in {path.stem for path in list_models()}:
        raise ModelError(
            f"{name}: no model has that name; `tagger models` lists what there is."
        )
    file = model_file(name)
    _check(find_model(name), file.mtime_ns)
    value = json.dumps({"name": name, "instead_of": options.model})
    session.merge(Meta(key=_CHOICE, value=value))


def _chosen(session: Session, options: ServeOptions) -> str | None:
    row = session.get(Meta, _CHOICE)
    if row is None:
        return None
    choice = json.loads(row.value)
    return str(choice["name"]) if choice["instead_of"] == options.model else None


@functools.lru_cache(maxsize=16)
def _check(path: Path, _mtime_ns: int) -> None:
    """See that a model can be read; each state of a file is read once."""
    spec_in(path)


class UsedTagger:
    """A `Tagger` with the model that is used, for requests; it remembers nothing."""

    def __init__(self, options: ServeOptions, database: Database) -> None:
        self._options, self._database = options, database
        self._opening = threading.Lock()
        self._model: ModelFile | None = None
        self._tagger: Tagger | None = None
        self._former: Tagger | None = None

    def get(self) -> "Tagger":
        """The tagger; another one than before if another model was chosen.

        Raises:
            StartError: it cannot be opened.
        """
        from tagger import Observer, Tagger  # noqa: PLC0415 - the first page needs none

        with self._opening:
            with self._database.reading() as session:
                model = used_model(session, self._options)
            if self._tagger is not None and self._model == model:
                return self._tagger
            opened = Tagger(
                model.name,
                device=self._options.device,
                state=False,
                observer=Observer(on_notice=log.info),
            )
            # The one before may be in somebody's hands still; the one before that is not.
            former, self._former = self._former, self._tagger
            self._tagger, self._model = opened, model
            if former is not None:
                former.close()
            return opened

    def close(self) -> None:
        """Let go of the models."""
        for tagger in (self._former, self._tagger):
            if tagger is not None:
                tagger.close()
