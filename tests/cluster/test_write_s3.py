"""What a real S3 server knows and keeps when one of its objects is changed."""

import hashlib
import wave

import obstore
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from tagger.cluster import s3_objects
from tagger.cluster.conditional import check_conditional, open_replaceable
from tagger.errors import ChangedError, InputError, UnsupportedTagError
from tests.cluster.shelf import GENRES, bucket_of, changed_before_the_put, s3_shelf

pytestmark = pytest.mark.service


@pytest.fixture
def s3(s3_url, tmp_path):
    """Objects in a real S3 server."""
    return s3_shelf(s3_url, tmp_path)


def test_an_answer_that_was_lost_is_asked_of_the_object(s3, monkeypatch):
    """A repeated request meets its own first try (412): the object says that it was made."""
    entry = s3.add()
    put = s3_objects.S3Objects.put

    def twice(self, *args):
        put(self, *args)
        return put(self, *args)

    monkeypatch.setattr(s3_objects.S3Objects, "put", twice)
    (outcome,) = s3.write(entry)
    assert outcome.outcome is True
    assert outcome.entry.etag == s3.entry(entry.key).etag
    assert [change.status for change in s3.changes()] == ["done"]


def test_all_metadata_of_s3_stay(s3):
    """Tags, storage class, expiry and redirect, which obstore does not show."""
    entry = s3.add()
    client, named = s3.target.client, {"Bucket": bucket_of(s3.place), "Key": entry.key}
    client.put_object(
        **named, Body=s3.bytes_of(entry.key), Tagging="owner=us&land=%C3%96",
        StorageClass="STANDARD_IA", Metadata={"artist-id": "42"}, Expires="2030-01-01",
        ContentType="audio/x-own", ContentLanguage="de", ContentDisposition="inline",
    )  # fmt: skip
    before = client.head_object(**named)
    (outcome,) = s3.write(s3.entry(entry.key))
    assert outcome.outcome is True
    after = client.head_object(**named)
    for name in (*s3_objects._KEPT, "TagCount"):
        assert after.get(name) == before.get(name), name
    assert client.get_object_tagging(**named)["TagSet"] == [
        {"Key": "land", "Value": "Ö"},
        {"Key": "owner", "Value": "us"},
    ]


def test_large_objects_go_in_parts_on_the_same_condition(s3, monkeypatch):
    """The last request of a multipart upload has the condition; what failed leaves nothing."""
    monkeypatch.setattr(s3_objects, "PART_LEN", 5 << 20)
    monkeypatch.setattr(s3_objects, "MULTIPART_LEN", 6 << 20)
    entry = s3.add("long.wav", "wav", data=_wav(s3.folder, n_bytes=11 << 20))
    before = s3.attributes_of(entry.key)
    (outcome,) = s3.write(entry)
    assert outcome.outcome is True
    assert outcome.entry.etag.endswith('-3"')
    assert s3.genres_of(entry.key) == tuple(GENRES)
    assert s3.attributes_of(entry.key) == before
    changed_before_the_put(monkeypatch, lambda: s3.add("long.wav", data=b"somebody else's"))
    (second,) = s3.write(outcome.entry, genres=["Jazz"])
    assert isinstance(second.outcome, ChangedError), second.outcome
    assert s3.bytes_of(entry.key) == b"somebody else's"
    found = s3.target.client.list_multipart_uploads(Bucket=bucket_of(s3.place))
    assert "Uploads" not in found


def _wav(folder, *, n_bytes):
    path = folder / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        block = hashlib.sha512(b"noise").digest() * 1_024
        for _ in range(n_bytes // len(block)):
            file.writeframes(block)
    return path.read_bytes()


def test_the_s3_server_knows_conditions(s3):
    """SeaweedFS honours If-Match, for single puts and at the end of multipart uploads."""
    assert check_conditional(s3.place) is True
    prefix = s3.place.prefix
    assert [item for page in obstore.list(s3.place.store, prefix=prefix) for item in page] == []


def test_a_store_that_ignores_conditions_is_found_out(s3, monkeypatch):
    """It is refused, and nothing of the attempt stays; --unsafe-overwrite allows it."""
    put = s3_objects.S3Objects.put

    def whatever_is_there(self, key, source, _was, kept):
        return put(self, key, source, None, kept)

    monkeypatch.setattr(s3_objects.S3Objects, "put", whatever_is_there)
    with pytest.raises(InputError, match=r"If-Match.*--unsafe-overwrite allows"):
        check_conditional(s3.place)
    prefix = s3.place.prefix
    assert [item for page in obstore.list(s3.place.store, prefix=prefix) for item in page] == []
    check_conditional(s3.place, unsafe_overwrite=True)


def test_a_store_whose_multipart_uploads_ignore_conditions_gets_one_piece(s3, monkeypatch):
    """Found out by the same probe; a large object is then put at once, on the condition."""
    client = s3.target.client
    complete = client.complete_multipart_upload

    def completed(**given):
        given.pop("IfMatch", None)
        return complete(**given)

    monkeypatch.setattr(client, "complete_multipart_upload", completed)
    monkeypatch.setattr(s3_objects, "s3_client", lambda _url: client)
    assert check_conditional(s3.place) is False
    monkeypatch.setattr(s3_objects, "MULTIPART_LEN", 1)
    entry = s3.add()
    s3.target = open_replaceable(s3.place, has_multipart=False)
    (outcome,) = s3.write(entry)
    assert outcome.outcome is True
    assert "-" not in outcome.entry.etag


@pytest.mark.parametrize(
    ("odd", "name"), [({"Metadata": {"t": "Ü"}}, "t"), ({"ExpiresString": "soon"}, "Expires")]
)
def test_metadata_that_cannot_be_kept_keeps_the_object_as_it_is(s3, monkeypatch, odd, name):
    """Letters that headers do not carry, a date that is none: refused rather than spoilt."""
    entry = s3.add()
    head = s3.target.client.head_object
    monkeypatch.setattr(
        s3.target.client,
        "head_object",
        lambda **named: head(**named) | odd,
    )
    (outcome,) = s3.write(entry)
    assert f"metadata ({name}) cannot be kept" in str(outcome.outcome)
    assert s3.entry(entry.key).etag == entry.etag


def test_a_locked_object_is_left_alone(s3, monkeypatch):
    """Object lock: skipped on purpose."""
    entry = s3.add()
    head = s3.target.client.head_object
    locked = {"ObjectLockMode": "GOVERNANCE"}
    monkeypatch.setattr(s3.target.client, "head_object", lambda **named: head(**named) | locked)
    (outcome,) = s3.write(entry)
    assert isinstance(outcome.outcome, UnsupportedTagError)
    assert "object lock" in str(outcome.outcome)


def test_keys_of_any_letters(s3):
    """Unicode in two forms, spaces, quotation marks, per cent: each is written and found."""
    names = [
        "Ünï/ﬁle 🎵.mp3",
        "e\u0301.mp3",
        "\u00e9.mp3",
        "%41.mp3",
        "a+b c?d#e&.mp3",
        "'\"<>.mp3",
    ]
    entries = [s3.add(name) for name in names]
    assert [write.outcome for write in s3.write(*entries)] == [True] * len(names)
    assert all(s3.genres_of(entry.key) == tuple(GENRES) for entry in entries)
