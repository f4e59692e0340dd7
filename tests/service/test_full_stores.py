"""A disk that is full, and a store that does not answer: told, and nothing half kept."""

import errno
import os
import shutil
from pathlib import Path

import obstore.exceptions

from tests.service.conftest import chords
from tests.service.test_bad_input import (
    client,  # noqa: F401 - a fixture
    problem,
    spooled,
    upload,
)


def test_a_full_disk_is_told_and_leaves_nothing(client, tmp_path, monkeypatch):  # noqa: F811
    """The part that came is deleted again."""
    song = chords(tmp_path / "x.flac").read_bytes()
    real_open = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, _data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(path, mode="r", **more):
        file = real_open(path, mode, **more)
        return Full(file) if path.name.startswith("upload-") and "a" in mode else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        assert problem(upload(client, song), 507)["type"].endswith("disk-full")
    assert spooled(client) == []
    assert upload(client, song).status_code == 201


def test_a_full_disk_of_the_object_folder_is_told_as_one(client, tmp_path, monkeypatch):  # noqa: F811
    """Not as a store that does not answer: to try again would not help."""
    song = chords(tmp_path / "x.flac").read_bytes()

    def fails(*_, **__):
        raise obstore.exceptions.GenericError("Unable to copy data to file")

    full = shutil.disk_usage(tmp_path)._replace(free=0)
    with monkeypatch.context() as patch:
        patch.setattr("tagger.service.objects.obstore.put", fails)
        assert problem(upload(client, song), 503)["type"].endswith("objects")
        patch.setattr("tagger.service.objects.shutil.disk_usage", lambda _: full)
        assert problem(upload(client, song), 507)["type"].endswith("disk-full")
    assert client.get("/api/v1/tracks").json()["total"] == 0
    assert upload(client, song).status_code == 201


def test_a_store_that_answers_503_is_told_and_nothing_is_kept(client, tmp_path, monkeypatch):  # noqa: F811
    """No row without its object."""
    song = chords(tmp_path / "x.flac").read_bytes()

    def fails(*_, **__):
        raise obstore.exceptions.GenericError("503 Service Unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("tagger.service.objects.obstore.put", fails)
        assert problem(upload(client, song), 503)["type"].endswith("objects")
        assert client.get("/api/v1/tracks").json()["total"] == 0
    assert upload(client, song).status_code == 201
