"""Large objects are read in places: the same scores, a part of the bytes."""

from pathlib import Path

import numpy as np
import obstore
import pytest
import soundfile

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster import ranges
from tagger.cluster.ranges import RangeServer
from tagger.cluster.stores import open_place
from tagger.errors import TrackError
from tagger.scan.options import ScanOptions
from tagger.scan.records import ListenOptions
from tests.cluster.scans import rows_at, scan_here, tone_model

RATE, MINUTES = 8_000, 10
pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def long_tracks(tmp_path_factory):
    """Ten minutes of a tone that rises, in noise that hardly packs: 9 MB each."""
    folder = tmp_path_factory.mktemp("long")
    t = np.arange(RATE * 60 * MINUTES) / RATE
    wave = 0.3 * np.sin(2 * np.pi * (300 + t) * t)
    wave += np.random.default_rng(0).normal(scale=0.2, size=len(t))
    for suffix in ("flac", "wav", "aiff"):
        soundfile.write(folder / f"long.{suffix}", wave.astype(np.float32), RATE, "PCM_16")
    return folder


@pytest.fixture
def bucket(s3_url, long_tracks, tmp_path):
    """They and one that lies about what it is, in a real S3 server."""
    url, _, query = s3_url.partition("?")
    place = open_place(f"{url}/{tmp_path.name}?{query}", option="PATH")
    for path in long_tracks.iterdir():
        obstore.put(place.store, place.key(path.name), path)
    obstore.put(place.store, place.key("liar.flac"), long_tracks / "long.wav")
    return place


def test_six_windows_of_ten_minutes_need_a_part_of_the_bytes(bucket, long_tracks, tmp_path):
    """Scores are those of the file itself; less than a quarter of it was fetched."""
    model = tone_model(tmp_path)
    scan_here(bucket.url, tmp_path / "results", model)
    scan_here(long_tracks, tmp_path / "local", model)
    found, local = rows_at(tmp_path / "results")[1], rows_at(tmp_path / "local")[1]
    for name in ("long.flac", "long.wav", "long.aiff"):
        row = found[bucket.key(name)]
        assert (row.status, row.duration_s) == (local[name].status, local[name].duration_s)
        assert row.scores == pytest.approx(local[name].scores, abs=1e-6)
        assert 0 < row.n_read < row.size / 4, name
    liar = found[bucket.key("liar.flac")]
    assert liar.scores == pytest.approx(local["long.wav"].scores, abs=1e-6)
    assert liar.n_read == liar.size


def test_a_whole_track_is_fetched_whole(bucket, tmp_path):
    """With --full every block is needed, and one request brings them."""
    options = ScanOptions(listen=ListenOptions(full=True))
    scan_here(bucket.url, tmp_path / "results", tone_model(tmp_path), options=options)
    rows, _ = rows_at(tmp_path / "results")
    assert all(row.n_read == row.size for row in rows)


def test_a_block_that_cannot_be_fetched_fails_the_object(bucket, tmp_path, monkeypatch):
    """The end of what could be read is not taken for the end of the track."""
    fetch = RangeServer._fetch

    def fails(self, copy, start, end):
        if 0 < start < copy.entry.size // 2:
            with ranges.objects_asked("s3://x"):
                raise OSError(5, "gone")
        fetch(self, copy, start, end)

    monkeypatch.setattr(RangeServer, "_fetch", fails)
    scan_here(bucket.url, tmp_path / "results", tone_model(tmp_path))
    found = rows_at(tmp_path / "results")[1]
    for name in ("long.flac", "long.wav", "long.aiff"):
        row = found[bucket.key(name)]
        assert (row.status, row.scores) == ("failed", None)
        assert row.reason


def test_an_object_that_was_changed_is_read_as_it_is_now(bucket, tmp_path):
    """A range of another version is refused by the store, and the object copied whole."""
    place = open_place(bucket.url, option="PATH")
    server = RangeServer(place, tmp_path)
    (entry,) = (
        item for page in obstore.list(place.store, place.prefix) for item in page
        if item["path"].endswith("long.flac")
    )  # fmt: skip
    other = ranges.ObjectEntry(
        entry["path"], entry["size"], '"another"', entry["last_modified"]
    )
    with pytest.raises(TrackError):
        server.open(other)
    server.close()
    assert not list(tmp_path.glob("tagger-partial-*"))


def test_a_folder_whose_name_is_too_long_for_a_socket_has_its_objects_copied(tmp_path):
    """As a long TMPDIR makes it: the scan goes on, without ranges."""
    assert RangeServer.can_listen(Path("/tmp/short"))
    assert not RangeServer.can_listen(tmp_path / ("long" * 30))
