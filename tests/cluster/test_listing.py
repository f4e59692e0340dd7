"""What a listing of objects takes, in which order, and what it leaves out."""

import errno
import os
from contextlib import nullcontext

import obstore
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.api import Tagger
from tagger.cluster.listing import list_objects
from tagger.cluster.order import BYTES, FOLDERS, NONE, ListingOrder
from tagger.cluster.stores import open_place
from tests.cluster.scans import KEYS, rows_at, scan_here, tone_model


def test_hidden_names_markers_and_patterns_are_left_out(music):
    """The listing takes what a scan of files would take."""
    for name in (".hidden.mp3", "@eaDir/x.mp3", "notes.txt", "a/._x.flac"):
        (music / name).parent.mkdir(exist_ok=True)
        (music / name).write_bytes(b"x")
    place = open_place(str(music), option="PATH")
    assert {entry.key for entry in list_objects(place)} == set(KEYS)
    found = {entry.key for entry in list_objects(place, exclude=["a/", "*.wav"])}
    assert found == {"ж/Ünï #1.flac"}


def test_a_file_that_goes_while_it_is_listed_is_left_out(music, monkeypatch):
    """Between the listing of its folder and the question for its size."""
    place = open_place(str(music), option="PATH")

    class Entry:
        """A name that `os.scandir` gave."""

        def __init__(self, entry):
            self.name, self.is_dir, self.is_symlink = entry.name, entry.is_dir, entry.is_symlink
            self._entry = entry

        def stat(self):
            if self.name.endswith(".wav"):
                raise FileNotFoundError
            return self._entry.stat()

    real = os.scandir
    monkeypatch.setattr(
        "tagger.cluster.listing.os.scandir",
        lambda folder: nullcontext([Entry(entry) for entry in real(folder)]),
    )
    found = {entry.key for entry in list_objects(place)}
    assert found == {key for key in KEYS if not key.endswith(".wav")} != set(KEYS)


def test_what_cannot_be_reached_is_told_as_a_scan_of_files_tells_it(
    music, tmp_path, monkeypatch
):
    """A circular link, one that leads nowhere, a refusal, a share that was lost."""
    (music / "circle.mp3").symlink_to("circle.mp3")
    (music / "nowhere.mp3").symlink_to("gone.mp3")
    (music / "notes.txt").symlink_to("notes.txt")
    (music / "to_a.mp3").symlink_to("a")
    for name in ("refused.mp3", "stale.mp3"):
        (music / name).write_bytes(b"no music")
    asked, codes = os.scandir, {"refused.mp3": errno.EACCES, "stale.mp3": errno.ESTALE}

    class Entry:
        """A name whose file is out of reach."""

        def __init__(self, entry):
            self._entry, self.name, self.is_symlink = entry, entry.name, entry.is_symlink

        def stat(self):
            if self.name in codes:
                raise OSError(codes[self.name], os.strerror(codes[self.name]))
            return self._entry.stat()

        def is_dir(self, **how):
            if self.name == "stale.mp3":  # what the listing of its folder did not tell
                self.stat()
            return self._entry.is_dir(**how)

        def is_file(self):
            return self._entry.is_file()

    with monkeypatch.context() as patched:
        patched.setattr(
            "tagger.cluster.listing.os.scandir",
            lambda folder: nullcontext([Entry(entry) for entry in asked(folder)]),
        )
        entries = list(list_objects(open_place(str(music), option="PATH")))
    lost = {"circle.mp3", "nowhere.mp3", *codes}
    assert {entry.key for entry in entries} == {*KEYS, *lost}
    assert [entry.key for entry in entries if not entry.etag] == sorted(lost)
    model, results = tone_model(tmp_path), tmp_path / "results"
    scan_here(music, results, model)
    _, latest = rows_at(results)
    with Tagger(model, state=False, settings={}, device="cpu") as tagger:
        local = {result.path.name: result.reason or "" for result in tagger.scan([music])}
    for name in ("circle.mp3", "nowhere.mp3"):
        assert latest[name].status == "failed"
        assert latest[name].reason == local[name].replace(str(music / name), name) != ""
    assert scan_here(music, results, model, resume=True)[1] == [], "it was told once"


def test_the_etag_of_a_file_is_that_of_the_store(music):
    """What is written on a condition compares it with what was listed."""
    place = open_place(str(music), option="PATH")
    for entry in list_objects(place):
        if "#" not in entry.key:  # which obstore does not show
            assert entry.etag == obstore.head(place.store, entry.key)["e_tag"]


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        (["a.b/x", "a/x"], BYTES),
        (["a/x", "a.b/x"], FOLDERS),
        (["a", "b"], BYTES),
        (["b", "a"], NONE),
    ],
)
def test_the_order_of_a_listing_is_seen(keys, order):
    """Where the two orders differ, one key behind another tells."""
    seen = []
    listing = ListingOrder(BYTES, on_change=seen.append)
    for key in keys:
        listing.see(key)
    assert listing.name == order
    assert seen == ([] if order == BYTES else [order])
