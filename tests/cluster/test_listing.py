"""What a listing of objects takes, in which order, and what it leaves out."""

import os
from contextlib import nullcontext

import obstore
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster.listing import list_objects
from tagger.cluster.order import BYTES, FOLDERS, NONE, ListingOrder
from tagger.cluster.stores import open_place
from tests.cluster.scans import KEYS, tones


@pytest.fixture
def music(tmp_path):
    """A folder of tones."""
    return tones(tmp_path / "music")


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
            self.name, self.is_dir, self.is_file = entry.name, entry.is_dir, entry.is_file
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
