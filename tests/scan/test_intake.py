import threading
import time
from pathlib import Path

import pytest

from tagger.errors import ModelError, TrackError
from tagger.scan import adaptive_semaphore, decode_threads
from tagger.scan import intake as looking
from tagger.scan.adaptive_semaphore import SLOW_S, AdaptiveSemaphore
from tagger.scan.pipeline import ListenOptions, analyse
from tagger.scan.records import Inspected
from tests.engines import tone_engine
from tests.tones import write_tone

NAMES = [Path(f"{i:04d}.mp3") for i in range(300)]


def settled(path):
    """A look at a file that is not to be decoded."""
    return Inspected(path)


class Crowd:
    """A look that notes how many threads look at once."""

    def __init__(self, seconds):
        self.seconds, self.n_now, self.n_most = seconds, 0, 0
        self.lock = threading.Lock()

    def __call__(self, path):
        with self.lock:
            self.n_now += 1
            self.n_most = max(self.n_most, self.n_now)
        time.sleep(self.seconds)
        with self.lock:
            self.n_now -= 1
        return settled(path)


def looked_at(inspect, **options):
    return list(analyse(NAMES, tone_engine(), ListenOptions(**options), inspect=inspect))


def test_one_thread_looks_while_files_answer_at_once(monkeypatch):
    """Two that read tags would only take the interpreter from each other."""
    monkeypatch.setattr(adaptive_semaphore, "SLOW_S", 10.0)  # a busy machine is slow, too
    crowd = Crowd(0)
    assert sorted(item.path for item in looked_at(crowd, n_decoders=4)) == NAMES
    assert crowd.n_most == 1


def test_all_threads_look_while_a_share_has_to_be_waited_for():
    """A slow share is asked for several files at a time."""
    crowd = Crowd(3 * SLOW_S)
    assert sorted(item.path for item in looked_at(crowd, n_decoders=4)) == NAMES
    assert crowd.n_most == 4


def test_turns_become_fewer_when_steps_are_fast_again():
    """A disk that had to wake up is no reason to crowd the interpreter for a whole scan."""
    those = AdaptiveSemaphore(most=3)
    assert all(those.keep(1.0) for _ in range(20))
    assert those.n_turns == 3
    kept = [those.keep(0.0) for _ in range(1000)]
    assert (kept.count(False), those.n_turns) == (2, 1)


def test_what_was_settled_before_a_look_hangs_is_told(monkeypatch):
    """The files in front of one on a dead share are results, and so are those behind it."""
    monkeypatch.setattr(decode_threads, "_GRACE_S", 3.0)  # a busy machine looks slowly
    share = threading.Event()

    def inspect(path):
        if path == NAMES[10]:
            share.wait(120)
        return settled(path)

    results = looked_at(inspect, n_decoders=1, limit_s=0.1)
    share.set()
    assert sorted(result.path for result in results) == NAMES
    assert [result.path for result in results if result.error is not None] == [NAMES[10]]


def test_settled_files_do_not_wait_for_a_slow_neighbour(tmp_path):
    """What is known is told while the next file is still being looked at."""
    told = threading.Event()

    def inspect(path):
        if path == NAMES[3]:
            assert told.wait(120)
        return settled(path)

    results = analyse(NAMES, tone_engine(), ListenOptions(), inspect=inspect)
    assert [next(results).path for _ in range(3)] == NAMES[:3]
    told.set()
    assert len(list(results)) == len(NAMES) - 3


def test_a_bad_look_is_a_result():
    """Whatever is raised for one file is told of it alone."""

    def inspect(path):
        if path == NAMES[5]:
            raise TrackError("torn")
        if path == NAMES[6]:
            raise ZeroDivisionError
        return settled(path)

    failed = {
        item.path: str(item.error) for item in looked_at(inspect) if item.error is not None
    }
    assert set(failed) == set(NAMES[5:7])
    assert failed[NAMES[5]] == "torn"
    assert "please report" in failed[NAMES[6]]


@pytest.mark.parametrize("n_decoders", [1, 3])
def test_what_stops_everything_is_raised(n_decoders):
    """An error of the start, met by a look, ends the run and leaves no thread waiting."""

    def inspect(path):
        raise ModelError("no such model")

    with pytest.raises(ModelError):
        looked_at(inspect, n_decoders=n_decoders)


def test_files_to_decode_among_settled_ones_are_all_heard(tmp_path):
    """Whatever the mixture: each file is one result."""
    tones = [write_tone(tmp_path / f"{i}.wav", 200) for i in range(4)]
    mixed = [name for i in range(4) for name in (*NAMES[i * 70 : i * 70 + 70], tones[i])]

    def inspect(path):
        return Inspected(path, needs_scores=True) if path in tones else settled(path)

    results = list(analyse(mixed, tone_engine(), ListenOptions(), inspect=inspect))
    assert sorted(result.path for result in results) == sorted(mixed)
    assert {result.path for result in results if result.scores is not None} == set(tones)
    assert looking.TOGETHER < 70
