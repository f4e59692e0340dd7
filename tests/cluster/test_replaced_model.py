"""A model file that is replaced while a scan of objects begins."""

import contextlib
import threading

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")
pytest.importorskip("ray")

from tagger.api import Tagger
from tagger.cluster.destination import open_results
from tagger.cluster.run import ObjectScan, check_results, scanning
from tagger.cluster.stores import open_place
from tagger.errors import ModelError
from tagger.scan.options import ScanOptions
from tests.cluster.scans import KEYS, tone_model, tones


@pytest.mark.parametrize("becomes", ["another", "gone"])
def test_no_other_model_is_sent_than_the_rows_would_name(tmp_path, monkeypatch, becomes):
    """The rows would say that a model had said it which nobody had asked."""
    music, model = tones(tmp_path / "music", KEYS[:1]), tone_model(tmp_path)
    conditions, stop = Tagger.conditions, threading.Event()

    def replaced(self, options):
        told = conditions(self, options)
        model.unlink()
        if becomes == "another":
            model.write_bytes(b"another model")
        return told

    monkeypatch.setattr(Tagger, "conditions", replaced)
    monkeypatch.setattr("tagger.cluster.run.connected", contextlib.nullcontext)
    monkeypatch.setattr("tagger.cluster.run.check_nodes", lambda _: ["a node"])
    monkeypatch.setattr("tagger.cluster.run.hold", pytest.fail)
    place, results = open_place(str(music), option="PATH"), open_results(str(tmp_path / "r"))
    with (
        Tagger(model, state=False, settings={}, device="cpu") as tagger,
        pytest.raises(ModelError, match="was replaced or removed meanwhile; start again"),
        scanning(tagger, place, results, options=ScanOptions(), asked=ObjectScan(), stop=stop),
    ):
        pass
    check_results(results, ObjectScan())  # it can be started again as it was
