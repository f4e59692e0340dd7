import hashlib

import pytest

from tagger.errors import TagError
from tagger.tags import read_tags
from tagger.tags.payload import payload_hash, payload_ranges
from tagger.writing.safe_write import write_genres
from tests.synth_audio import KINDS, WRITABLE, make_audio

OGG = {"ogg-vorbis", "opus", "speex", "ogg-flac"}


def payload_bytes(path, container):
    """The bytes of all ranges, one after another."""
    data = path.read_bytes()
    ranges = payload_ranges(path, container)
    return b"".join(data[start : start + length] for start, length in ranges)


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_lie_in_the_file_and_are_most_of_it(tmp_path, kind):
    """The payload of a tone is more than three quarters of its file."""
    path = make_audio(tmp_path, kind, duration_s=1)
    size = path.stat().st_size
    ranges = payload_ranges(path, read_tags(path).container)
    assert all(0 <= start < start + length <= size for start, length in ranges)
    assert sum(length for _, length in ranges) > 0.75 * size


@pytest.mark.parametrize("kind", WRITABLE)
def test_tags_do_not_change_the_payload(tmp_path, kind):
    """Neither the hash nor the bytes of the ranges depend on how long the tags are."""
    path = make_audio(tmp_path, kind)
    container = read_tags(path).container
    digest, data = payload_hash(path, container), payload_bytes(path, container)
    for genres in (["Rock"], ["A long genre"] * 1000, []):
        write_genres(path, genres)
        assert payload_hash(path, container) == digest
        assert payload_bytes(path, container) == data


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_sample_changes_the_hash(tmp_path, kind):
    """One bit in the middle of the longest range is enough."""
    path = make_audio(tmp_path, kind)
    container = read_tags(path).container
    before = payload_hash(path, container)
    start, length = max(payload_ranges(path, container), key=lambda place: place[1])
    data = bytearray(path.read_bytes())
    data[start + length // 2] ^= 1
    path.write_bytes(data)
    assert payload_hash(path, container) != before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in OGG])
def test_the_hash_is_that_of_the_ranges(tmp_path, kind):
    """Except in Ogg, where the lengths of the packets count as well."""
    path = make_audio(tmp_path, kind)
    container = read_tags(path).container
    digest = hashlib.sha256(payload_bytes(path, container)).hexdigest()
    assert payload_hash(path, container) == digest


def test_an_unknown_file_is_all_payload(tmp_path):
    """What no tag of ours can change is hashed whole."""
    path = tmp_path / "x.bin"
    path.write_bytes(b"anything")
    assert payload_ranges(path, "unknown") == [(0, 8)]
    assert payload_hash(path, "unknown") == hashlib.sha256(b"anything").hexdigest()


def test_an_empty_file_has_an_empty_payload(tmp_path):
    """No range, and the hash of nothing."""
    path = tmp_path / "x.bin"
    path.touch()
    assert payload_ranges(path, "unknown") == []
    assert payload_hash(path, "unknown") == hashlib.sha256().hexdigest()


def test_a_wrong_container_is_an_error_of_ours(tmp_path):
    """Bytes that are no FLAC blocks are reported with the file's name."""
    path = tmp_path / "x.flac"
    path.write_bytes(b"fLaC" + b"\xff" * 100)
    with pytest.raises(TagError, match=r"x\.flac"):
        payload_hash(path, "flac")
