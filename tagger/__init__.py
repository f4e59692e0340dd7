"""Listens to music files and writes genres into them: the runtime and its public face.

    from tagger import Tagger

    with Tagger() as tagger:
        for result in tagger.scan(["Music"]):
            print(result.path, result.genres)

Importing the package loads nothing; each name is loaded when it is first used.
"""

from typing import TYPE_CHECKING

from tagger.system.version import __version__

if TYPE_CHECKING:
    from tagger.api import Tagger
    from tagger.errors import TaggerError
    from tagger.model.device_options import DeviceOptions
    from tagger.reports.report import to_record
    from tagger.scan.observer import Observer
    from tagger.scan.options import RecallOptions, ScanOptions
    from tagger.scan.results import TrackResult
    from tagger.tags import read_tags
    from tagger.writing.safe_write import write_genres

__all__ = [
    "DeviceOptions", "Observer", "RecallOptions", "ScanOptions", "Tagger", "TaggerError",
    "TrackResult", "__version__", "read_tags", "to_record", "write_genres",
]  # fmt: skip

_HOMES = {
    "Tagger": "tagger.api",
    "TaggerError": "tagger.errors",
    "DeviceOptions": "tagger.model.device_options",
    "Observer": "tagger.scan.observer",
    "RecallOptions": "tagger.scan.options",
    "ScanOptions": "tagger.scan.options",
    "TrackResult": "tagger.scan.results",
    "read_tags": "tagger.tags",
    "to_record": "tagger.reports.report",
    "write_genres": "tagger.writing.safe_write",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 (most programs import no name)

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
