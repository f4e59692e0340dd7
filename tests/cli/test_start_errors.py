"""What all files need and cannot be had ends a scan before it gives out or writes anything."""

import threading
import time
from itertools import count

import pytest

from tagger.audio import process_client
from tagger.errors import DeviceError, StartError, StoppedError
from tagger.library.walk import find_folders
from tagger.scan.options import ScanOptions
from tagger.scan.pipeline import analyse
from tagger.scan.records import ListenOptions
from tagger.scan.scan import scan_files
from tagger.state import open_store
from tests.engines import tone_engine
from tests.repeated_scans import scan_with
from tests.tones import write_tone


@pytest.fixture
def files(tmp_path):
    """Thirty short files."""
    return [write_tone(tmp_path / f"{i:02d}.flac", 300 + i, seconds=1.0) for i in range(30)]


@pytest.fixture
def one_fails(monkeypatch):
    """The second helper cannot be started, which is known later than the first one's is."""
    numbers, start = count(1), process_client._start

    def sometimes(*given):
        if next(numbers) == 2:
            time.sleep(1.0)
            raise StartError("no process can be started")
        return start(*given)

    monkeypatch.setattr(process_client, "_start", sometimes)


def test_one_thread_that_cannot_start_ends_the_scan_at_once(files, one_fails):
    """A helper that does not start is told before any result, while others are at work."""
    given = []
    with pytest.raises(StartError, match="no process"):
        given.extend(analyse(files, tone_engine(), ListenOptions(n_decoders=2, batch_size=1)))
    assert given == []


def test_nothing_is_written_if_one_thread_cannot_start(files, one_fails):
    """Files stay as they are when the scan says that nothing was started."""
    before = [path.read_bytes() for path in files]
    options = ScanOptions(write=True, listen=ListenOptions(n_decoders=2, batch_size=1))
    with pytest.raises(StartError):
        list(scan_files(files, tone_engine(), options))
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize("what", ["helper", "model"])
def test_a_scan_that_has_given_results_does_not_say_that_it_never_started(
    files, tmp_path, monkeypatch, what
):
    """After stored results it is an interrupted scan, and says so."""
    engine, options = tone_engine(), ScanOptions(listen=ListenOptions(n_decoders=2))

    def fails(*_):
        raise DeviceError("the device is gone.")

    with open_store(tmp_path / "state.db", on_notice=pytest.fail) as store:
        stored = list(scan_with(store, find_folders(files[:5]), engine, options))
        if what == "helper":
            monkeypatch.setattr(process_client, "_start", fails)
        else:
            monkeypatch.setattr(type(engine), "prepare", fails)
        given = []
        with pytest.raises(StoppedError, match=r"device is gone\. The scan stopped there"):
            given.extend(scan_with(store, find_folders(files), engine, options))
    assert sorted(given, key=lambda one: one.path) == sorted(stored, key=lambda one: one.path)


def test_a_scan_that_may_have_written_does_not_say_that_it_never_started(files, monkeypatch):
    """What was written before the device is lost is reported, and the scan was begun."""
    engine, is_writing, is_lost = tone_engine(), threading.Event(), threading.Event()
    run = type(engine).run

    def once(self, windows):
        if self.session.batches:
            assert is_writing.wait(120)
            is_lost.set()
            raise DeviceError("the device is gone.")
        return run(self, windows)

    monkeypatch.setattr(type(engine), "run", once)
    written = []

    def writer(requests):
        for request in requests:
            written.append(request.path)
            is_writing.set()
            assert is_lost.wait(120)
            yield True

    listen = ListenOptions(n_decoders=1, n_windows=1, batch_size=1)
    results = scan_files(files, engine, ScanOptions(write=True, listen=listen), writer=writer)
    given = []
    with pytest.raises(StoppedError, match="device is gone"):
        given.extend(results)
    assert (
        [result.path for result in given if result.status == "written"] == written == files[:1]
    )
