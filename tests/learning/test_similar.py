"""Exact search: what is asked for is what a plain sum over all tracks gives."""

import numpy as np
import pytest

from tagger.learning import similar
from tagger.learning.similar import (
    Index,
    index_of,
    load_index,
    near_duplicates,
    save_index,
    search,
)

RNG = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def same_numbers(monkeypatch):
    """Each test draws the same numbers, whichever ran before it."""
    monkeypatch.setattr(f"{__name__}.RNG", np.random.default_rng(3))


def library(n=300, n_embedding=32, **changes):
    """Random embeddings around a mean that all share."""
    table = RNG.standard_normal((n, n_embedding)).astype(np.float32) + 5
    durations = changes.get("durations", np.full(n, 200.0))
    rows = [(f"/music/{i:04}.mp3", table[i], float(durations[i])) for i in range(n)]
    return table, index_of(rows, n_embedding=n_embedding)


def test_every_track_is_compared_with_what_is_asked_for(monkeypatch):
    """In blocks, in float16, by the direction from the mean: the order is that of the books."""
    monkeypatch.setattr(similar, "BLOCK", 64)
    table, index = library()
    centred = table - table.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    expected = np.argsort(-(centred @ centred[7]))[:10]
    found = search(index, index.direction(table[7]), top=10)
    assert [item.path.name for item in found] == [f"{i:04}.mp3" for i in expected]
    assert found[0].likeness == pytest.approx(1, abs=1e-3)
    assert [item.likeness for item in found] == sorted(
        (o.likeness for o in found), reverse=True
    )


@pytest.mark.parametrize(("n", "top"), [(0, 5), (1, 5), (3, 3)])
def test_small_libraries_give_what_they_have(n, top):
    """None, one, or all."""
    _, index = library(n)
    assert len(search(index, np.ones(32, np.float32), top=top)) == min(n, top)


def test_a_saved_index_is_mapped_and_is_the_same(tmp_path):
    """As long as the state is as it was; names that are not UTF-8 come back as well."""
    _, index = library()
    index = Index(["/music/\udcff.mp3", *index.paths[1:]], *(
        getattr(index, name) for name in ("vectors", "durations_s", "mean")
    ))  # fmt: skip
    path = tmp_path / "state.db.similar.npy"
    assert load_index(path, stamp=(1, 2)) is None
    save_index(index, path, stamp=(1, 2))
    again = load_index(path, stamp=(1, 2))
    assert isinstance(again.vectors, np.memmap)
    assert again.paths == index.paths
    np.testing.assert_array_equal(again.vectors, index.vectors)
    np.testing.assert_array_equal(again.durations_s, index.durations_s)
    assert load_index(path, stamp=(1, 3)) is None
    path.write_bytes(b"torn")
    assert load_index(path, stamp=(1, 2)) is None


def test_recordings_that_are_there_twice_are_groups(monkeypatch):
    """Three masters hang together; what is alike and much longer is another recording."""
    monkeypatch.setattr(similar, "BLOCK", 256)
    table = RNG.standard_normal((200, 32)).astype(np.float32)
    durations = RNG.uniform(100, 400, 200)
    for copy, original in ((50, 3), (120, 3), (121, 60), (199, 61)):
        table[copy] = table[original] + 0.02 * RNG.standard_normal(32)
        durations[copy] = durations[original] + (30 if copy == 199 else 1)
    rows = [(f"{i:04}", table[i], durations[i]) for i in range(200)]
    rows[10] = (*rows[10][:2], None)
    index = index_of(rows, n_embedding=32)
    groups = [[int(item.path.name) for item in group] for group in near_duplicates(index)]
    assert sorted(groups) == [[3, 50, 120], [60, 121]]
    assert min(item.likeness for group in near_duplicates(index) for item in group) > 0.97
