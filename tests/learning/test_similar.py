"""Exact search: what is asked for is what a plain sum over all tracks gives."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tagger.learning import similar
from tagger.learning.present import Present
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
    assert list(tmp_path.iterdir()) == [path]
    whole = path.read_bytes()
    for torn in (b"torn", whole[:100], whole[:-1], whole[:4000]):
        path.write_bytes(torn)
        assert load_index(path, stamp=(1, 2)) is None


def test_what_killed_processes_left_of_an_index_is_removed(tmp_path):
    """Not what another one writes just now."""
    path = tmp_path / "state.db.similar.npy"
    old, young = (tmp_path / f".{path.name}.{i}-00000000.tmp" for i in range(2))
    for left in (old, young):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    save_index(library()[1], path, stamp=(1,))
    assert set(tmp_path.iterdir()) == {path, young}


def test_several_may_save_at_once(tmp_path):
    """What is mapped is wholly of one of them; nothing is left beside it."""
    path = tmp_path / "state.db.similar.npy"
    indices = [library()[1] for _ in range(4)]

    def save(number):
        for _ in range(10):
            save_index(indices[number], path, stamp=(number,))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(4)))
    (of_one,) = [
        (again, index)
        for number, index in enumerate(indices)
        if (again := load_index(path, stamp=(number,))) is not None
    ]
    np.testing.assert_array_equal(of_one[0].vectors, of_one[1].vectors)
    assert list(tmp_path.iterdir()) == [path]


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


def test_what_is_not_there_is_in_no_group_and_holds_none_together():
    """1 is like 0 and 2, which are not alike; without it nothing is there twice."""
    first, second = np.eye(32, dtype=np.float32)[:2]
    between = (first + 0.3 * second), (first - 0.3 * second)
    table = [between[0], first, between[1], -first, -second, -first]
    lengths = (200, 200, 200, 100, 300, 400)
    rows = [(f"{i}", vector, lengths[i]) for i, vector in enumerate(table)]
    index = index_of(rows, n_embedding=32)

    def groups(gone=()):
        asked = []

        def is_there(path):
            asked.append(path.name)
            return path.name not in gone

        found = near_duplicates(index, likeness=0.9, is_there=is_there)
        return [[match.path.name for match in group] for group in found], sorted(asked)

    assert groups() == ([["0", "1", "2"]], ["0", "1", "2"])
    assert groups(gone="1") == ([], ["0", "1", "2"])
    ((left,), _) = groups(gone="2")
    assert left == ["0", "1"]


def test_only_what_is_known_not_to_be_there_is_gone(tmp_path, monkeypatch):
    """A share that does not answer says nothing of its files; each is asked for once."""
    there, gone, below = tmp_path / "a", tmp_path / "b", tmp_path / "a" / "c"
    away, link = tmp_path / "away", tmp_path / "link"
    there.touch()
    link.symlink_to(gone)
    stat, asked = type(there).stat, []

    def failing(path, **options):
        asked.append(path)
        if path == away:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return stat(path, **options)

    monkeypatch.setattr(type(there), "stat", failing)
    present = Present()
    paths = [there, gone, below, away, link]
    assert [present.has(path) for path in paths * 2] == [True, False, False, True, False] * 2
    assert present.gone == {gone, below, link}
    assert asked.count(gone) == asked.count(there) == 1
