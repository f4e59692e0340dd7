"""How the service runs: command line > environment > config.toml > defaults."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tagger.errors import InputError
from tagger.settings.values import SERVE_KEYS
from tagger.system.folders import user_folder

MIB = 1 << 20
PREFIX = "TAGGER_SERVE_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What the service is told.

    Attributes:
        folder: the library that is shown and written in place; None for uploads only.
        database: SQLAlchemy's URL; '' for a SQLite file below `data`.
        objects: URL or folder of uploads; '' for a folder below `data`.
        data: the service's own folder: database, objects, and uploads under way.
        workers: processes that scan and write; 0 if another service's do.
        token_file: names, scopes and secrets of those who may ask; None on loopback only.
        host: address to listen on.
        port: port to listen on; 0 for a free one.
        model: name or file of the model.
        device: as for `tagger scan --device`.
        state: the state whose journal takes the library's changes; None for the user's own.
        max_upload_bytes: size of one file.
        max_request_bytes: size of a body that carries no audio.
        requests_per_s: that one client may make for long; bursts of four seconds pass.
        uploads_per_s: files that one client may upload for long.
        lease_s: a worker that was silent for so long is taken for dead.
        sweep_s: an object that no track has is deleted after so long.
        scan_at_start: look through `folder` at the start, and scan what is new in it.
    """

    folder: Path | None = None
    database: str = ""
    objects: str = ""
    data: Path = Path()
    workers: int = 1
    token_file: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    model: str = "default"
    device: str = "auto"
    state: Path | None = None
    max_upload_bytes: int = 1024 * MIB
    max_request_bytes: int = MIB
    requests_per_s: float = 200.0
    uploads_per_s: float = 100.0
    lease_s: float = 20.0
    sweep_s: float = 3600.0
    scan_at_start: bool = True

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in LOOPBACK

    @property
    def spool(self) -> Path:
        """Where files lie that are on their way in or out."""
        return self.data / "spool"

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is one file, for one worker."""
        return self.database.startswith("sqlite")


def serve_options(
    given: Mapping[str, Any],
    *,
    configured: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> ServeOptions:
    """The options of this run.

    Args:
        given: what the command line says; None stands for what it does not say.
        configured: the table [serve] of config.toml.
        environment: variables named `TAGGER_SERVE_` and an option in capitals; the process's
            if None.

    Raises:
        InputError: an option cannot be; the message says which, and what it can be.
    """
    variables = os.environ if environment is None else environment
    values = dict(configured)
    for key in SERVE_KEYS:
        if text := variables.get(PREFIX + key.upper()):
            values[key] = text
    values |= {key: value for key, value in given.items() if value is not None}
    options = ServeOptions(**{key: _checked(key, value) for key, value in values.items()})
    return check_options(with_places(options))


_PATHS = frozenset({"folder", "data", "token_file", "state"})


def _checked(key: str, value: Any) -> Any:
    if key in {"workers", "port"}:
        highest = 64 if key == "workers" else 65_535
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = -1
        if not 0 <= number <= highest:
            raise InputError(f"serve: {key} is {value!r}; give a number from 0 to {highest}.")
        return number
    return Path(value).expanduser() if key in _PATHS else value


def with_places(options: ServeOptions) -> ServeOptions:
    """The options with a database and an object store, one for each library by default."""
    folder = options.folder.resolve() if options.folder is not None else None
    data = options.data
    if data == Path():
        data = user_folder("data") / "service" / _place_name(folder)
    data = data.absolute()
    database = options.database or f"sqlite:///{data / 'tagger.db'}"
    objects = options.objects or str(data / "objects")
    return replace(options, folder=folder, data=data, database=database, objects=objects)


def _place_name(folder: Path | None) -> str:
    if folder is None:
        return "uploads"
    plain = re.sub(r"[^A-Za-z0-9]+", "-", folder.name).strip("-")[:40] or "library"
    return f"{plain}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"


def check_options(options: ServeOptions) -> ServeOptions:
    """The same options, or a sentence on what contradicts what.

    Raises:
        InputError: they cannot be followed.
    """
    if options.folder is not None and not options.folder.is_dir():
        raise InputError(f"{options.folder}: there is no such folder; name the library's.")
    if options.token_file is None and not options.is_loopback:
        raise InputError(
            f"--host {options.host} lets other machines in; give --token-file, so that they"
            " have to say who they are."
        )
    if options.is_sqlite and options.workers > 1:
        raise InputError(
            f"--workers {options.workers} needs PostgreSQL; a SQLite file serves one worker."
        )
    return options


def record_of(options: ServeOptions) -> dict[str, Any]:
    """The options as JSON types, for a worker's process."""
    record = asdict(options)
    return {
        key: str(value) if isinstance(value, Path) else value for key, value in record.items()
    }


def options_of(record: Mapping[str, Any]) -> ServeOptions:
    """The options of such a record."""
    paths = {key: Path(record[key]) for key in _PATHS if record[key] is not None}
    return ServeOptions(**{**record, **paths})
