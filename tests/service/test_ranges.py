"""HTTP ranges: a player seeks, and gets exactly the bytes that it asks for."""

import pytest

from tagger.service.problems import ProblemError
from tagger.service.ranges import span_of
from tests.service.conftest import chords, make_options, running

DATA = bytes(range(100))


@pytest.mark.parametrize(
    ("header", "start", "end", "is_part"),
    [
        (None, 0, 100, False),
        ("bytes=0-", 0, 100, True),
        ("bytes=0-0", 0, 1, True),
        ("bytes=99-99", 99, 100, True),
        ("bytes=10-19", 10, 20, True),
        ("bytes=90-1000", 90, 100, True),
        ("bytes=-10", 90, 100, True),
        ("bytes=-1000", 0, 100, True),
        ("bytes=0-1,5-6", 0, 100, False),
        ("bytes=-", 0, 100, False),
        ("seconds=1-2", 0, 100, False),
        ("bytes=a-b", 0, 100, False),
    ],
)
def test_a_range_is_the_bytes_that_it_names(header, start, end, is_part):
    """As RFC 9110 has them; what it does not have is answered with everything."""
    span = span_of(header, 100)
    assert (span.start, span.end, span.is_part) == (start, end, is_part)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=200-300", "bytes=20-10", "bytes=-0"])
def test_a_range_behind_the_end_is_a_problem(header):
    """With the size, so that the player can ask again."""
    with pytest.raises(ProblemError) as raised:
        span_of(header, 100)
    assert raised.value.status == 416
    assert raised.value.headers["Content-Range"] == "bytes */100"


def test_audio_comes_in_ranges_from_the_library_and_from_the_store(tmp_path, storage):
    """Parts that are put together are the file."""
    music = tmp_path / "music"
    song = chords(music / "song.flac", seconds=3)
    up = chords(tmp_path / "up.flac", seconds=3)
    options = make_options(tmp_path, folder=music, scan_at_start=False, **storage)
    with running(options) as client:
        row = client.post("/api/v1/uploads", params={"name": "up.flac", "scan": False},
                          content=up.read_bytes()).json()["track"]  # fmt: skip
        url = f"/api/v1/tracks/{row['id']}/audio"
        whole = up.read_bytes()
        head = client.head(url)
        assert head.headers["Content-Length"] == str(len(whole))
        assert head.headers["Content-Type"] == "audio/flac"
        parts = [
            client.get(url, headers={"Range": f"bytes={at}-{at + 9_999}"})
            for at in range(0, len(whole), 10_000)
        ]
        assert {one.status_code for one in parts} == {206}
        assert b"".join(one.content for one in parts) == whole
        assert client.get(url, headers={"Range": "bytes=99999999-"}).status_code == 416
        stale = {"Range": "bytes=0-9", "If-Range": '"another"'}
        assert client.get(url, headers=stale).content == whole
        known = {"If-None-Match": head.headers["ETag"]}
        assert client.get(url, headers=known).status_code == 304
    assert song.exists()
