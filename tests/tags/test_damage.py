import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.errors import TagError, UnsupportedTagError, WriteError
from tagger.tags import read_tags
from tagger.tags.payload import payload_hash
from tagger.writing.safe_write import write_genres
from tests.synth_audio import KINDS, make_audio
from tests.tags.elements import other_tags, seen_genres
from tests.tags.readers import shown_by_taglib

LENGTHS = [b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0"]
EXPECTED = (TagError, UnsupportedTagError, WriteError)

damage = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from([64, 300, 2000, 1 << 30]),
        st.sampled_from([*LENGTHS, b"", b"x", b"\0"]),
        st.sampled_from([0, 1, 4, 50, 1 << 30]),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A tagged file of each kind, as bytes."""
    found = {}
    for kind in KINDS:
        path = make_audio(tmp_path_factory.mktemp(kind), kind, duration_s=0.1, title="A title")
        if read_tags(path).unwritable is None:
            write_genres(path, ["Old"])
        found[kind] = path.read_bytes()
    return found


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(damage=damage)
def test_damaged_files_give_errors_of_ours_and_are_never_made_worse(
    originals, tmp_path, kind, damage
):
    """Lying lengths, cut and spliced bytes: a result in time, or the file as it was."""
    data = originals[kind]
    for place, head, new, n_removed in damage:
        at = int(place * min(len(data), head))
        data = data[:at] + new + data[at + n_removed :]
    path = tmp_path / "damaged"
    path.write_bytes(data)
    start = time.process_time()
    try:
        container = read_tags(path).container
        payload = payload_hash(path, container)
        changed = write_genres(path, ["Rock", "Jazz"])
    except EXPECTED:
        assert path.read_bytes() == data
    else:
        assert read_tags(path).genres == ("Rock", "Jazz")
        assert payload_hash(path, container) == payload
        assert not changed or not write_genres(path, ["Rock", "Jazz"])
    assert time.process_time() - start < 5
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def data_folder():
    """Where the real recordings are."""
    folder = os.environ.get("TAGGER_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TAGGER_DATA names no folder with real recordings")
    return Path(folder)


@pytest.mark.data
@pytest.mark.parametrize("folder", ["tagged-files", "gtzan-audio", "library"])
def test_real_files_keep_everything_but_the_genre(data_folder, tmp_path, folder):
    """Each file of real collections is written, or refused with a reason and untouched."""
    n_written = 0
    for original in sorted((data_folder / folder).rglob("*")):
        if not original.is_file() or original.suffix in {".csv", ".md", ".txt"}:
            continue
        path = tmp_path / original.name
        shutil.copyfile(original, path)
        n_written += _written(path)
        path.unlink()
        assert not list(tmp_path.iterdir())
    assert n_written > 90


def _written(path):
    """Write genres and check everything; False where that was refused."""
    before = path.read_bytes()
    try:
        info = read_tags(path)
        payload = payload_hash(path, info.container)
        write_genres(path, ["Drum & Bass"], expected=info)
    except EXPECTED:
        assert path.read_bytes() == before
        return False
    assert payload_hash(path, info.container) == payload
    assert not write_genres(path, ["Drum & Bass"])
    if path.name != "106-invalid-streaminfo.flac":  # mutagen reads no tags from it
        assert seen_genres(path) == ["Drum & Bass"]
        tags, shown = other_tags(path), shown_by_taglib(path)
        path.write_bytes(before)
        earlier = other_tags(path)
        if earlier or info.container not in {"wav", "rf64"}:
            assert earlier == tags
        else:  # Of RIFF INFO mutagen shows nothing, and TagLib what a new tag says again.
            assert shown_by_taglib(path) == shown
    return True
