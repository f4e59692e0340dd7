"""Options of the service: where they come from, and which cannot be followed."""

import pytest

from tagger.errors import InputError, StartError
from tagger.service.objects import open_objects
from tagger.service.options import serve_options


@pytest.mark.parametrize(
    "place",
    [
        "memory://",
        "memory:///x",
        "http://127.0.0.1/x",
        "ftp://x",
        "gs://bucket?endpoint=http://x",
    ],
)
def test_a_store_that_would_keep_nothing_is_refused(place):
    """An upload to it would be lost with its process, or go where nobody meant it to."""
    with pytest.raises(StartError, match="s3://BUCKET"):
        open_objects(place)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0"}, "--token-file"),
        ({"workers": 2}, "PostgreSQL"),
        ({"folder": "/nowhere/at/all"}, "no such folder"),
        ({"workers": "many"}, "number"),
    ],
)
def test_options_that_cannot_be_followed_are_told_before_anything_starts(given, said, tmp_path):
    """Each in a sentence with its remedy."""
    with pytest.raises(InputError, match=said):
        serve_options({"data": tmp_path, **given}, configured={}, environment={})


def test_the_command_line_lies_over_the_environment_and_that_over_the_settings(tmp_path):
    """As for all other settings."""
    options = serve_options(
        {"port": 1},
        configured={"port": 3, "workers": 0, "model": "a"},
        environment={"TAGGER_SERVE_PORT": "2", "TAGGER_SERVE_MODEL": "b",
                     "TAGGER_SERVE_DATA": str(tmp_path)},
    )  # fmt: skip
    assert (options.port, options.model, options.workers) == (1, "b", 0)
    assert options.data == tmp_path
