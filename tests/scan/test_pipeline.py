import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tagger.audio import process_client
from tagger.errors import DecodeError, TrackError
from tagger.scan import decode_threads
from tagger.scan.pipeline import ListenOptions, Pipeline, analyse
from tagger.scan.records import Inspected
from tests.engines import tone_engine
from tests.tones import write_tone


@pytest.fixture
def library(tmp_path):
    """Twelve tones: even ones low, odd ones high, of different lengths."""
    return [
        write_tone(tmp_path / f"{i:02d}.wav", 3000 if i % 2 else 200, seconds=0.3 + 0.4 * i)
        for i in range(12)
    ]


def by_path(results):
    return {result.path: result for result in results}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("n_decoders", "batch_size"), [(1, 1), (3, 4), (2, 64)])
def test_scores_come_back_to_their_own_track(library, full, n_decoders, batch_size):
    """Windows of many tracks share a batch, and no track gets another's scores."""
    options = ListenOptions(full=full, n_decoders=n_decoders, batch_size=batch_size)
    results = by_path(analyse(library, tone_engine(), options))
    assert set(results) == set(library)
    for i, path in enumerate(library):
        assert results[path].error is None
        np.testing.assert_allclose(results[path].scores, [1 - i % 2, i % 2], atol=0.05)


def test_threads_and_batches_do_not_change_a_score(library):
    """The same file gets the same scores, bit by bit, whatever runs beside it."""

    def scores(**options):
        results = analyse(library, tone_engine(), ListenOptions(**options))
        return {result.path: result.scores.tobytes() for result in results}

    assert scores(n_decoders=1, batch_size=1) == scores(n_decoders=4, batch_size=16)


def test_batches_mix_tracks_and_only_the_last_is_partial(library):
    """Full batches whatever the tracks' lengths: that is where the speed comes from."""
    engine = tone_engine()
    list(analyse(library, engine, ListenOptions(batch_size=8)))
    assert set(engine.session.batches[:-1]) == {8}
    assert len(engine.session.batches) > 2


def test_a_bad_file_is_a_result_and_delays_nobody(library, tmp_path):
    """What cannot be read yields its error; all others are heard."""
    bad = tmp_path / "bad.mp3"
    bad.write_text("this is no music")
    results = by_path(analyse([bad, *library], tone_engine(), ListenOptions()))
    assert isinstance(results[bad].error, DecodeError)
    assert str(bad) in str(results[bad].error)
    assert all(results[path].error is None for path in library)


def test_a_silent_track_has_no_scores(tmp_path):
    """Silence is judged on the waveform and never reaches the model."""
    engine = tone_engine()
    path = write_tone(tmp_path / "silent.wav", 200, level=1e-5)
    (result,) = analyse([path], engine, ListenOptions())
    assert result.scores is None
    assert result.error is None
    assert result.n_windows == result.n_silent > 0
    assert engine.session.batches == []


def test_a_track_that_needs_no_scores_is_not_decoded(library):
    """What was seen of it comes back."""
    engine = tone_engine()
    pipeline = Pipeline(
        lambda path: Inspected(path, (path.stem,)),
        engine,
        ListenOptions(),
        stop=threading.Event(),
    )
    results = [item for path in library for item in pipeline.put(path)] + list(
        pipeline.finish()
    )
    pipeline.close()
    assert {result.genres for result, _ in results} == {(path.stem,) for path in library}
    assert engine.session.batches == []


def test_a_defect_in_one_track_is_its_result(library):
    """An unexpected exception is told with its kind and does not stop the run."""

    def inspect(path):
        if path == library[3]:
            raise ZeroDivisionError("by nothing")
        return Inspected(path, needs_scores=True)

    results = by_path(analyse(library, tone_engine(), ListenOptions(), inspect=inspect))
    assert type(results[library[3]].error) is TrackError
    assert "ZeroDivisionError" in str(results[library[3]].error)
    assert sum(result.error is None for result in results.values()) == len(library) - 1


@pytest.mark.parametrize("name", ["crashes", "hangs"])
def test_a_decoder_that_dies_costs_its_file_alone(library, monkeypatch, name):
    """Native code that crashes or hangs fails one track; all others are heard in full."""
    monkeypatch.setattr(process_client, "_SERVER", "tests.audio.bad_helper")
    bad = library[0].with_name(f"{name}.mp3")
    options = ListenOptions(n_decoders=2, limit_s=3.0)
    results = by_path(analyse([*library, bad, *library[:3]], tone_engine(), options))
    assert isinstance(results[bad].error, DecodeError)
    assert results[bad].scores is None
    assert len(results) == len(library) + 1
    assert all(results[path].scores is not None for path in library)


@pytest.fixture
def dead_share(monkeypatch):
    """A look at the files that never comes back from one of them."""
    monkeypatch.setattr(decode_threads, "_GRACE_S", 12.0)  # of a busy machine
    share = threading.Event()

    def inspect(path):
        if path.name == "gone.mp3":
            share.wait(120)
        return Inspected(path, needs_scores=True)

    yield inspect
    share.set()


def test_a_thread_that_hangs_is_replaced(library, dead_share):
    """A file on a dead share fails when its time is over, though it has the only thread."""
    gone = library[0].with_name("gone.mp3")
    options = ListenOptions(n_decoders=1, limit_s=1.0)
    paths = [library[0], gone, *library[1:]]
    results = list(analyse(paths, tone_engine(), options, inspect=dead_share))
    assert sorted(result.path for result in results) == sorted(paths)
    assert "within 1 s" in str(by_path(results)[gone].error)
    assert sum(result.scores is not None for result in results) == len(library)


def test_a_thread_that_hangs_does_not_keep_the_program():
    """The program ends although a thread of it never will."""
    code = (
        "import time\nfrom pathlib import Path\nfrom tagger.scan import decode_threads\n"
        "from tagger.scan.pipeline import ListenOptions, analyse\n"
        "from tests.engines import tone_engine\n"
        "decode_threads._GRACE_S = 0.1\n"
        "sleep = lambda path: time.sleep(3600)\n"
        "options = ListenOptions(n_decoders=1, limit_s=0.1)\n"
        "(one,) = analyse([Path('a.mp3')], tone_engine(), options, inspect=sleep)\n"
        "print(one.error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=240
    )
    assert run.stdout.startswith("a.mp3: it could not be read")


def test_an_error_of_the_walk_is_raised_to_the_caller(library):
    """A failing source of paths ends the run instead of hanging it."""

    def walk():
        yield library[0]
        raise OSError("the share is gone")

    with pytest.raises(OSError, match="share is gone"):
        list(analyse(walk(), tone_engine(), ListenOptions()))


def test_paths_are_taken_as_they_are_needed(library):
    """The walk is not read ahead of the queue: a million names are never collected."""
    taken = []

    def walk():
        for _ in range(100):
            for path in library:
                taken.append(path)
                yield path

    results = analyse(walk(), tone_engine(), ListenOptions(n_decoders=2, batch_size=4))
    for _ in range(5):
        next(results)
    assert len(taken) < 40
    results.close()


def test_stopping_ends_the_run_and_its_threads(library):
    """Once the event is set, the generator ends and no decoder is left behind."""
    stop = threading.Event()
    results = analyse(library * 20, tone_engine(), ListenOptions(), stop=stop)
    next(results)
    stop.set()
    assert len(list(results)) < 200
    assert not [worker for worker in threading.enumerate() if worker.name.startswith("decode-")]


def test_closing_early_leaves_no_thread(library):
    """A caller that has seen enough leaves nothing running."""
    results = analyse(library * 20, tone_engine(), ListenOptions())
    next(results)
    results.close()
    assert not [worker for worker in threading.enumerate() if worker.name.startswith("decode-")]


def test_no_files_no_results():
    """An empty walk ends at once."""
    assert list(analyse(list[Path](), tone_engine(), ListenOptions())) == []
