"""`--batch-size auto` measures once, keeps what it found, and never stops a scan."""

import json
from pathlib import Path

import pytest

from tagger.model import batch_size
from tagger.model.device_options import MAX_BATCH
from tagger.model.load import Engine
from tests.engines import ToneSession, make_spec


class Timed(ToneSession):
    """A session whose time for a batch is a function of its size, in milliseconds."""

    now = 0.0

    def __init__(self, ms_of, room=MAX_BATCH):
        super().__init__()
        self.ms_of, self.room = ms_of, room

    def run(self, outputs, feed):
        size = len(feed["waveform"])
        if size > self.room:
            raise RuntimeError("CUDA failure 2: out of memory")
        Timed.now += self.ms_of(size) / 1000
        return super().run(outputs, feed)


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Returns a function that makes engines; their cache is the test's own."""
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(batch_size, "perf_counter", lambda: Timed.now)
    model = tmp_path / "m.onnx"
    model.write_bytes(b"model")

    def made(ms_of, *, device="cpu", room=MAX_BATCH):
        fixed = None if device == "cpu" else 32
        return Engine(model, make_spec(), device, None, Timed(ms_of, room), fixed_batch=fixed)

    return made


def overhead_up_to_8(size):
    """A batch of up to 8 takes as long as one window; above, each window costs."""
    return 8 * max(1, size / 8)


def test_the_smallest_batch_that_is_fast_enough_is_chosen(engine):
    """Beyond 8 windows nothing is gained, so 8 it is."""
    one = engine(overhead_up_to_8)
    assert batch_size.choose_batch(one) == []
    assert one.batch_size == 8
    assert one.fixed_batch is None


def test_it_is_measured_once(engine):
    """The second start reads what the first one found."""
    batch_size.choose_batch(engine(overhead_up_to_8))
    second = engine(overhead_up_to_8)
    batch_size.choose_batch(second)
    assert (second.batch_size, second.session.batches) == (8, [])


def test_another_model_is_measured_anew(engine):
    """The key is the model's content, the device and the library's version."""
    first = engine(overhead_up_to_8)
    before = batch_size.cache_key(first)
    first.path.write_bytes(b"another")
    assert batch_size.cache_key(first) != before
    assert "onnxruntime" in before
    assert batch_size.cache_key(engine(overhead_up_to_8, device="cuda")) != before


def test_a_gpu_is_padded_to_the_size_that_was_found(engine):
    """On a GPU the batch and the padding change together."""
    one = engine(overhead_up_to_8, device="cuda")
    batch_size.choose_batch(one)
    assert (one.batch_size, one.fixed_batch) == (8, 8)


def test_a_size_without_memory_is_none(engine):
    """Where memory runs out, the sizes that fit are compared."""
    one = engine(lambda size: 4.0, device="cuda", room=16)
    batch_size.choose_batch(one)
    assert one.fixed_batch == 16


def test_a_cache_that_cannot_be_written_is_a_notice(engine, tmp_path, monkeypatch):
    """The scan goes on; the user hears why each start takes longer, and the remedy."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TAGGER_CACHE", str(tmp_path / "file"))
    one = engine(overhead_up_to_8)
    (note,) = batch_size.choose_batch(one)
    assert "TAGGER_CACHE" in note
    assert one.batch_size == 8


@pytest.mark.parametrize("content", ["", "[]", "no JSON", '{"%s": 0}', '{"%s": "many"}'])
def test_a_broken_cache_is_measured_again(engine, content):
    """Nonsense in the file is replaced, whatever it is."""
    one = engine(overhead_up_to_8)
    path = Path(batch_size.cache_root()) / batch_size.FILE
    path.parent.mkdir()
    path.write_text(content.replace("%s", batch_size.cache_key(one)))
    assert batch_size.choose_batch(one) == []
    assert json.loads(path.read_text()) == {batch_size.cache_key(one): 8}
