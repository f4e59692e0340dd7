"""A small library that is scanned again and again, and a note of what is opened."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tagger.audio.process_client import DecodeProcess
from tagger.journal.run import write_unrecorded
from tagger.library.walk import find_folders
from tagger.scan import inspect_file
from tagger.scan.cache_key import cache_key_of
from tagger.scan.context import ScanContext
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.scan import scan_folders
from tagger.state import open_store
from tagger.state.scan_cache import ScanCache
from tagger.tags import read_tags
from tests.engines import tone_engine
from tests.tones import write_tone


@pytest.fixture
def folder(tmp_path):
    """Three tones in two folders."""
    write_tone(tmp_path / "music" / "a.flac", 200)
    write_tone(tmp_path / "music" / "b.ogg", 3000)
    write_tone(tmp_path / "music" / "deep" / "c.wav", 200)
    return tmp_path / "music"


class Opened:
    """Names of the files that are listened to, and of those opened for their tags."""

    def __init__(self, monkeypatch):
        self.heard, self.looked = [], []
        listen = DecodeProcess.listen

        def listen_to(process, path, requested):
            self.heard.append(path.name)
            return listen(process, path, requested)

        def look_into(path, **options):
            self.looked.append(path.name)
            return read_tags(path, **options)

        monkeypatch.setattr(DecodeProcess, "listen", listen_to)
        monkeypatch.setattr(inspect_file, "read_tags", look_into)

    def take(self):
        """(heard, looked into) since the last call, sorted."""
        found = sorted(self.heard), sorted(self.looked)
        self.heard.clear()
        self.looked.clear()
        return found


@dataclass(frozen=True)
class UnchangedFolder:
    """A folder that was passed as a whole: how many of its files have which status."""

    counts: dict


def scan_with(
    store,
    listings,
    engine,
    options,
    *,
    recall=RecallOptions(),
    model="m1",
    on_notice=None,
    writer=write_unrecorded,
    **others,
):
    """A scan with what a state has stored; folders that are passed stand among the results."""
    passed = []
    recall = replace(recall, on_unchanged=lambda counts: passed.append(UnchangedFolder(counts)))
    resolved = options.resolved()
    key = cache_key_of(resolved, engine.spec, model=model)
    cache = ScanCache(store, key, on_notice=on_notice)
    scan = ScanContext(engine, resolved, cache, recall)
    writing = nullcontext(writer)
    for result in scan_folders(listings, scan, writing=writing, **others):
        yield from passed
        passed.clear()
        yield result
    yield from passed


@pytest.fixture
def opened(monkeypatch):
    return Opened(monkeypatch)


@pytest.fixture
def run(tmp_path, folder):
    """Scans the folder with one state again and again; returns name -> result."""

    def once(paths=None, *, model="m1", recall=RecallOptions(), **options):
        options = ScanOptions(**options)
        engine = tone_engine()
        with open_store(tmp_path / "state.db", on_notice=pytest.fail) as store:
            listings = find_folders([Path(path) for path in paths or [folder]])
            return list(scan_with(store, listings, engine, options, recall=recall, model=model))

    def by_name(*args, **options):
        return {item.path.name: item for item in once(*args, **options)}

    by_name.once = once
    return by_name
