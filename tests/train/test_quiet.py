"""What a fit says: its own lines, and none of Lightning's."""

import logging
import warnings

import pytest

from tests.train.runs import run_training
from tests.train.sets import make_set, provide
from tests.train.test_run import LABELS, SMALL

NAMES = ("lightning.pytorch", "lightning.fabric")


@pytest.fixture
def heard():
    """What Lightning logs, whatever level another test has left."""
    records = []

    class Listening(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())

    listening = Listening()
    loggers = [logging.getLogger(name) for name in NAMES]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(listening)
    yield records
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(listening)
        logger.setLevel(level)


def test_lightning_says_nothing_of_a_fit_and_is_left_as_it_was(monkeypatch, tmp_path, heard):
    """No devices, no tips, no warnings; who uses it elsewhere hears all of it."""
    provide(monkeypatch, "gtzan-logmel", make_set("gtzan-logmel", LABELS))
    overrides = SMALL | {"datasets": ["gtzan-logmel"], "fit.epochs": 1, "fit.clips_an_epoch": 8}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        run_training(None, overrides, data=tmp_path, out=tmp_path / "run", say=lambda _: None)
        assert warnings.filters == filters
    assert heard == []
    assert [item for item in warned if "lightning" in item.filename] == []
    assert {logging.getLogger(name).level for name in NAMES} == {logging.INFO}
