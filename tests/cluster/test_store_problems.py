"""A store that fails, refuses or is not there: a sentence; nothing is lost or given away."""

import dataclasses
import logging
import os

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("boto3")

from obstore.exceptions import PermissionDeniedError

from tagger.cluster import s3_client
from tagger.cluster.conditional import check_conditional
from tagger.cluster.journal import all_runs, changes_of
from tagger.cluster.listing import list_objects
from tagger.cluster.problems import sentence_of
from tagger.cluster.stores import open_place
from tagger.errors import InputError, WriteError
from tests.cluster.faulty import faulty
from tests.cluster.shelf import GENRES, s3_shelf
from tests.service import servers

pytestmark = pytest.mark.service


@pytest.fixture
def impatient(monkeypatch):
    """Clients that give up soon: a test does not wait for a minute."""
    monkeypatch.setattr(
        s3_client, "CONFIG", {"retries": {"mode": "standard", "total_max_attempts": 2}}
    )


def test_an_endpoint_that_answers_503_now_and_then_loses_nothing(s3_url, tmp_path):
    """Every fourth request is refused: it is made again, and all objects are written."""
    refused = []

    def plan(number, method, path):
        if number % 4 == 3:
            refused.append((method, path))
            return "busy"
        return None

    with faulty(s3_url, plan) as url:
        shelf = s3_shelf(url, tmp_path)
        entries = [shelf.add(f"{i}.mp3") for i in range(3)]
        before = {entry.key: shelf.bytes_of(entry.key) for entry in entries}
        assert [write.outcome for write in shelf.write(*entries)] == [True] * 3
        assert {result.status for result in shelf.undo()} == {"written"}
        assert {entry.key: shelf.bytes_of(entry.key) for entry in entries} == before
    assert len({method for method, _ in refused}) >= 2


def test_an_answer_that_is_lost_on_the_way_is_no_failure(s3_url, tmp_path):
    """The put was made; its repetition meets a newer ETag (412), and the object tells."""
    lost = []

    def plan(_number, method, path):
        if method == "PUT" and path.endswith("a.mp3") and lost == ["add"]:
            lost.append("write")
            return "lost"
        return None

    with faulty(s3_url, plan) as url:
        shelf = s3_shelf(url, tmp_path)
        entry = shelf.add()
        lost.append("add")
        (outcome,) = shelf.write(entry)
        assert lost == ["add", "write"]
        assert outcome.outcome is True
        assert shelf.genres_of(entry.key) == tuple(GENRES)
        assert [change.status for change in shelf.changes()] == ["done"]


def test_a_store_that_stays_busy_is_told_by_object(s3_url, tmp_path, impatient):
    """The put is given up, the object is as it was, and the next one has its turn."""

    def plan(_number, method, path):
        return "busy" if method == "PUT" and path.endswith("a.mp3") and begun else None

    begun = []
    with faulty(s3_url, plan) as url:
        shelf = s3_shelf(url, tmp_path)
        entries = shelf.add(), shelf.add("b.mp3")
        begun.append(True)
        first, second = shelf.write(*entries)
        assert isinstance(first.outcome, WriteError)
        assert "a.mp3: the store was overloaded" in str(first.outcome)
        assert "503 SlowDown" in str(first.outcome)
        assert second.outcome is True
        assert shelf.entry(entries[0].key).etag == entries[0].etag
        assert {change.key: change.status for change in shelf.changes()} == {
            entries[0].key: "failed",
            entries[1].key: "done",
        }


def test_a_bucket_that_is_not_there_is_named(s3_url):
    """Before anything is read."""
    place = open_place(s3_url.replace("://music", "://no-such-bucket"), option="test")
    with pytest.raises(InputError, match=r"s3://no-such-bucket/.*there is no such bucket"):
        check_conditional(place)


@pytest.mark.parametrize(
    ("key", "secret", "said"),
    [
        (servers.KEY, "another-secret", "does not accept the credentials"),
        ("AKIANOBODY", servers.SECRET, "does not accept the credentials"),
        (servers.READER, servers.SECRET, "denied access"),
    ],
)
def test_credentials_that_do_not_suffice(s3_url, monkeypatch, caplog, key, secret, said):
    """A sentence with the remedy, in which nothing of them stands; nor in what is logged."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    s3_client._client.cache_clear()
    caplog.set_level(logging.INFO)
    with pytest.raises(InputError, match=said) as caught:
        check_conditional(open_place(f"{s3_url}&region=eu-west-1", option="test"))
    s3_client._client.cache_clear()
    everything = f"{caught.value}{caught.value.__cause__}{caplog.text}"
    assert key not in everything
    assert secret not in everything


def test_a_reader_is_told_so_for_each_object(s3_url, tmp_path, monkeypatch):
    """Rights may differ within a bucket: the object is named, and is as it was."""
    shelf = s3_shelf(s3_url, tmp_path)
    entry = shelf.add()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.READER)
    s3_client._client.cache_clear()
    (outcome,) = s3_shelf_again(shelf).write(entry)
    s3_client._client.cache_clear()
    assert "a.mp3: the store denied access (403 AccessDenied)" in str(outcome.outcome)
    assert shelf.entry(entry.key).etag == entry.etag


def s3_shelf_again(shelf):
    """The same objects, asked with the credentials of now."""
    return dataclasses.replace(shelf, place=open_place(shelf.place.url, option="test"))


def test_no_credentials_at_all(s3_url, monkeypatch, tmp_path):
    """boto3's chain ends: the sentence says what to set."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    s3_client._client.cache_clear()
    with pytest.raises(InputError, match=r"there are no credentials.*AWS_ACCESS_KEY_ID"):
        check_conditional(open_place(s3_url, option="test"))
    s3_client._client.cache_clear()


def test_nothing_of_the_credentials_is_kept(s3_url, tmp_path):
    """Neither the journal nor a sentence has the key or the secret."""
    shelf = s3_shelf(s3_url, tmp_path)
    entries = [shelf.add(), shelf.add("b.mp3", data=b"no audio")]
    outcomes = shelf.write(*entries)
    shelf.undo()
    runs = all_runs(shelf.parts)
    kept = f"{runs}{[[*changes_of(shelf.parts, run.id)] for run in runs]}{outcomes}"
    assert "a.mp3" in kept
    for secret in (servers.KEY, servers.SECRET):
        assert secret not in kept


@pytest.mark.parametrize("name", ["", "archive"])
def test_the_credentials_of_a_profile(s3_url, tmp_path, monkeypatch, name):
    """The default one, and one that AWS_PROFILE names: for reading and for writing."""
    for text in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(text)
    keys = f"aws_access_key_id={servers.KEY}\naws_secret_access_key={servers.SECRET}\n"
    (tmp_path / "keys").write_text(f"[{name or 'default'}]\n{keys}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    if name:
        monkeypatch.setenv("AWS_PROFILE", name)
    s3_client._client.cache_clear()
    shelf = s3_shelf(s3_url, tmp_path)
    (outcome,) = shelf.write(shelf.add())
    s3_client._client.cache_clear()
    assert outcome.outcome is True


def test_a_profile_that_is_not_there_is_named(monkeypatch):
    """Before anything is asked of the network."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InputError, match=r"AWS_PROFILE.*nobody"):
        open_place("s3://music", option="PATH")


def test_an_answer_that_repeats_a_key_is_not_repeated():
    """S3 writes the key that it refuses into its answer; obstore shows all of that."""
    text = (
        "Error performing GET: Server returned non-2xx status code: 403 Forbidden: <Error>"
        "<Code>InvalidAccessKeyId</Code><Message>It does not exist</Message>"
        "<AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId></Error>"
    )
    found = sentence_of(PermissionDeniedError(text), "s3://music/a.mp3")
    assert found.startswith("s3://music/a.mp3: the store does not accept the credentials (403")
    assert "AKIAEXAMPLE" not in found


def test_a_url_with_a_password_is_refused_without_repeating_it():
    """In front of the bucket, and in that of the endpoint."""
    for url in ("s3://key:topsecret@music", "s3://music?endpoint=https://key:topsecret@host"):
        with pytest.raises(InputError, match="must not hold") as caught:
            open_place(url, option="--results")
        assert "topsecret" not in str(caught.value)


def test_a_key_that_cannot_be_asked_for_stops_nobody(s3_url, tmp_path):
    """A tab, a line's end: listed, refused by name, and all others are written."""
    shelf = s3_shelf(s3_url, tmp_path)
    names = ["a.mp3", "line\n.mp3", "tab\t.mp3", "z.mp3"]
    data = shelf.bytes_of(shelf.add().key)
    client, bucket = shelf.target.client, shelf.target.bucket
    for name in names:
        client.put_object(Bucket=bucket, Key=shelf.place.key(name), Body=data)
    entries = list(list_objects(shelf.place))
    assert sorted(entry.key for entry in entries) == [shelf.place.key(name) for name in names]
    found = {write.entry.key: write.outcome for write in shelf.write(*entries)}
    for name in names:
        if name in {"a.mp3", "z.mp3"}:
            assert found[shelf.place.key(name)] is True
        else:
            assert "Rename the object" in str(found[shelf.place.key(name)])


def test_what_a_written_object_costs(s3_url, tmp_path):
    """As docs/objects.md counts it: two GET, a HEAD, a PUT; one more HEAD to undo."""
    asked = []

    def of_the_object():
        found = [how for how, path in asked if path.partition("?")[0].endswith("a.mp3")]
        asked.clear()
        return sorted(found)

    with faulty(s3_url, lambda _number, method, path: asked.append((method, path))) as url:
        shelf = s3_shelf(url, tmp_path)
        entry = shelf.add()
        of_the_object()
        shelf.write(entry)
        assert of_the_object() == ["GET", "GET", "HEAD", "PUT"]
        shelf.undo()
        assert of_the_object() == ["GET", "GET", "HEAD", "HEAD", "PUT"]
