"""Write and undo over files that other programs and people have made."""

import shutil

import pytest

from tagger.errors import TrackError
from tagger.journal.history import changes_of, last_run
from tagger.journal.recover import settle_open
from tagger.journal.run import JournalledRun, WriteRequest
from tagger.journal.undo import UndoOptions, undo
from tagger.state import open_store

pytestmark = pytest.mark.data


@pytest.mark.parametrize("genres", [["Drum & Bass", "Électro"], [], ["x" * 10_000]], ids=len)
def test_tagged_files_of_others_come_back_to_the_byte(data, tmp_path, own_state, genres):
    """Each is either refused with a sentence and untouched, or written and taken back."""
    before = {}
    for number, file in enumerate(sorted((data / "tagged-files").rglob("*.*"))):
        if file.is_file():
            path = tmp_path / f"{number}-{file.name}"
            before[shutil.copyfile(file, path)] = file.read_bytes()
    with open_store(own_state, on_notice=pytest.fail) as store:
        with JournalledRun(store, "scan", "") as run:
            outcomes = list(run.write([WriteRequest(path, genres) for path in before]))
        written = {path for path, item in zip(before, outcomes, strict=True) if item is True}
        for path, outcome in zip(before, outcomes, strict=True):
            assert (path.read_bytes() == before[path]) == (path not in written)
            assert not isinstance(outcome, TrackError) or str(path) in str(outcome)
        assert len(written) > 20
        assert settle_open(store).sentence is None
        with JournalledRun(store, "undo", "") as run:
            results = list(undo(changes_of(store, last_run(store)), run, UndoOptions()))
    assert {result.path for result in results if result.status == "written"} == written
    assert {path: path.read_bytes() for path in before} == before
    assert set(tmp_path.iterdir()) == set(before)
