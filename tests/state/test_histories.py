"""Whatever happens to a library between scans: who remembers says what others find out."""

import os
import random
import shutil

import pytest

from tagger.audio.process_client import DecodeProcess
from tagger.audio.requested_windows import listen
from tagger.library.walk import find_folders, find_tracks
from tagger.scan.lookup import AGAIN
from tagger.scan.options import RecallOptions, ScanOptions
from tagger.scan.scan import scan_files
from tagger.state import open_store
from tagger.writing.safe_write import write_genres
from tests.engines import tone_engine
from tests.repeated_scans import UnchangedFolder, scan_with
from tests.tones import write_tone

QUIET = RecallOptions(passing=frozenset({"kept", "unchanged", "abstained"}))
OPTIONS = (
    {}, {"score_all": True}, {"policy": "append"}, {"policy": "replace", "threshold": 0.9},
    {"threshold": 1.0},
)  # fmt: skip


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Decoding in this process: starting helpers would take most of the time."""
    monkeypatch.setattr(
        DecodeProcess, "listen", lambda _ears, path, wanted: listen(path, wanted)
    )


class Owner:
    """Does to a library what people and their programs do."""

    def __init__(self, folder, seed):
        self.folder, self.dice, self.n_made = folder, random.Random(seed), 0
        for _ in range(5):
            self.add()

    def act(self):
        """Do one of many things."""
        deeds = (
            self.add, self.move, self.copy, self.tag, self.touch, self.record_over, self.drop,
            self.spoil, self.link, self.swap, self.rename_folder,
        )  # fmt: skip
        self.dice.choice(deeds)()

    def any(self):
        return self.dice.choice([path for path in self.folder.rglob("*.*") if path.is_file()])

    def fresh(self, suffix):
        self.n_made += 1
        place = self.folder / self.dice.choice(("", "one", "two", "two/deep"))
        place.mkdir(parents=True, exist_ok=True)
        return place / f"{self.n_made:03d}{suffix}"

    def add(self):
        path = self.fresh(self.dice.choice((".wav", ".flac")))
        write_tone(
            path, self.dice.choice((200, 500, 3000)), seconds=self.dice.choice((0.5, 0.6))
        )

    def move(self):
        path = self.any()
        path.rename(self.fresh(path.suffix))

    def copy(self):
        path = self.any()
        shutil.copy2(path, self.fresh(path.suffix))

    def tag(self):
        path = self.any()
        if path.stat().st_nlink == 1 and path.stat().st_size > 1000:
            write_genres(path, self.dice.choice(((), ("Jazz",), ("low", "Rock"))))

    def touch(self):
        os.utime(self.any())

    def record_over(self):
        path = self.any()
        path.unlink()
        write_tone(path, self.dice.choice((200, 3000)), seconds=0.5)

    def drop(self):
        if len([path for path in self.folder.rglob("*.*") if path.is_file()]) > 4:
            self.any().unlink()

    def spoil(self):
        self.fresh(".mp3").write_bytes(b"no music" * self.dice.randrange(1, 50))

    def link(self):
        path = self.any()
        self.fresh(path.suffix).hardlink_to(path)

    def swap(self):
        """Two names change places, and one gets the time of the other."""
        one, two = self.any(), self.any()
        if one == two or one.suffix != two.suffix:
            return
        status = one.stat()
        temp = one.with_name("swap.tmp")
        one.rename(temp)
        two.rename(one)
        temp.rename(two)
        os.utime(one, ns=(status.st_atime_ns, status.st_mtime_ns))

    def rename_folder(self):
        folders = [path for path in self.folder.rglob("*") if path.is_dir()]
        if folders:
            self.n_made += 1
            self.dice.choice(folders).rename(self.folder / f"folder {self.n_made}")


def shown(result):
    """What is said of a file; that it was not tried again is no difference."""
    reason = (result.reason or "").removesuffix(AGAIN)
    said = (result.status, result.genres, result.previous, str(result.scores), reason)
    return (result.path, *said)


@pytest.mark.parametrize("seed", range(6))
def test_any_history(tmp_path, seed):
    """After each of many changes the results are those of a scan that knows nothing."""
    owner = Owner(tmp_path / "music", seed)
    engine = tone_engine()
    for step in range(25):
        for _ in range(owner.dice.randrange(3)):
            owner.act()
        options = ScanOptions(**owner.dice.choice(OPTIONS))
        plain = {
            shown(file) for file in scan_files(find_tracks([owner.folder]), engine, options)
        }
        recall = owner.dice.choice((QUIET, RecallOptions()))
        writes = step % 5 == 4
        with open_store(tmp_path / "state.db", on_notice=pytest.fail) as store:
            listings = find_folders([owner.folder])
            found = list(scan_with(store, listings, engine, options, recall=recall))
            results = {shown(item) for item in found if not isinstance(item, UnchangedFolder)}
            assert results <= plain
            n_passed = sum(
                sum(item.counts.values()) for item in found if isinstance(item, UnchangedFolder)
            )
            assert len(results) + n_passed == len(plain)
            assert {item[1] for item in plain - results} <= QUIET.passing
            if writes:
                writing = ScanOptions(write=True)
                list(scan_with(store, find_folders([owner.folder]), engine, writing))


@pytest.mark.parametrize("when", ["whole", "before", "meanwhile"])
def test_a_state_that_breaks_during_a_scan_costs_time_only(tmp_path, when):
    """The scan goes on without it and says so once; the next start sets it aside.

    What is broken as a whole, its schema too, is set aside at once.
    """
    owner, engine, options = Owner(tmp_path / "music", 1), tone_engine(), ScanOptions()
    told = []

    def spoil(end=None):
        state = bytearray((tmp_path / "state.db").read_bytes())
        state[8192:end] = b"\xa5" * len(state[8192:end])
        (tmp_path / "state.db").write_bytes(state)

    def run(*, breaks=False):
        with open_store(tmp_path / "state.db", on_notice=told.append) as store:
            listings = find_folders([owner.folder])
            results = scan_with(store, listings, engine, options, on_notice=told.append)
            first = next(results)
            if breaks:
                store.connection.close()
            return {shown(name) for name in (first, *results)}

    expected = run()
    if when == "whole":
        spoil()
        assert run() == expected
        assert run() == expected
        (said,) = told
        assert "damaged-1" in said
        return
    if when == "before":
        spoil(65536)  # the tables of files and folders, not the schema
        assert run() == expected
        (said,) = told
        assert "next start" in said
    else:
        assert run(breaks=True) == expected
        (said,) = told
        spoil()
        (tmp_path / "state.db.lock").write_text("process 1, killed")
    assert "stores no more results" in said
    assert run() == expected
    assert "damaged-1" in told[1]
    assert run() == expected
    assert len(told) == 2
