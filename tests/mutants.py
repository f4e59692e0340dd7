"""Damaged audio files, each made from a number, and what must be true of any of them."""

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tagger.audio import open_track
from tagger.audio.requested_windows import RequestedWindows, listen
from tagger.errors import TaggerError, TrackError
from tagger.tags import read_tags
from tagger.tags.payload import payload_hash
from tagger.writing.safe_write import WriteOptions
from tests.prepared import prepare
from tests.synth_audio import KINDS, make_audio

WANTED = RequestedWindows(
    sample_rate=16_000, window_len=16_000, n_windows=4, silence_dbfs=-60.0
)
LIES = (
    b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\1",
    b"\1\0\0\0", b"\x80\0\0\0", b"\0\0\0\x80", b"\x7f\x7f\x7f\x7f", b"\0\x10\0\0",
    b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0" * 8,
)  # fmt: skip
"""What lengths, counts and rates claim, in either byte order, as 32 and 64 bits."""


def originals(folder: Path, collections: Sequence[Path] = ()) -> list[Path]:
    """Files to damage: one of each container, with tags, and those of collections."""
    found = []
    for kind in KINDS:
        path = make_audio(folder, kind, duration_s=0.7, name=kind, title="A title")
        if read_tags(path).unwritable is None:
            change = prepare(path, ["Old"], others={"comment": ["A comment"], "mood": ["Calm"]})
            assert change is not None
            with change:
                change.commit()
        found.append(path)
    for collection in collections:
        found += sorted(path for path in collection.rglob("*") if path.is_file())
    return found


def mutant(files: Sequence[Path], seed: int) -> tuple[Path, bytes]:
    """The original and the bytes of one mutant; the same seed makes the same mutant."""
    rng = random.Random(seed)
    original = rng.choice(files)
    data = bytearray(original.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        change = rng.choice((_flip, _flip, _lie, _lie, _truncate, _splice, _zeros, _repeat))
        change(data, rng, files)
    return original, bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Somewhere in the file: mostly near its ends, where tags and headers are."""
    reach = min(len(data), rng.choice((64, 300, 2000, 10_000, 1 << 40)))
    at = rng.randrange(reach + 1)
    return at if rng.random() < 0.8 else len(data) - at


def _flip(data: bytearray, rng: random.Random, _files: Sequence[Path]) -> None:
    for _ in range(rng.choice((1, 2, 8, 64))):
        at = _place(data, rng)
        if at < len(data):
            data[at] ^= 1 << rng.randrange(8)


def _lie(data: bytearray, rng: random.Random, _files: Sequence[Path]) -> None:
    lie = rng.choice(LIES)
    at = _place(data, rng) & ~rng.choice((0, 1, 3))
    data[at : at + len(lie)] = lie


def _truncate(data: bytearray, rng: random.Random, _files: Sequence[Path]) -> None:
    del data[_place(data, rng) :]


def _splice(data: bytearray, rng: random.Random, files: Sequence[Path]) -> None:
    other = rng.choice(files).read_bytes()
    start = rng.randrange(len(other) + 1)
    piece = other[start : start + rng.choice((16, 500, 20_000, 1 << 40))]
    at = _place(data, rng)
    data[at : at + rng.choice((0, len(piece), 1 << 40))] = piece


def _zeros(data: bytearray, rng: random.Random, _files: Sequence[Path]) -> None:
    at = _place(data, rng)
    data[at:at] = bytes(rng.choice((1, 2, 7, 100, 5000, 100_000)))


def _repeat(data: bytearray, rng: random.Random, _files: Sequence[Path]) -> None:
    at, length = _place(data, rng), rng.choice((4, 30, 1000))
    data[at:at] = data[at : at + length] * rng.choice((1, 3, 50))


@dataclass(slots=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        faults: what must not be, as sentences; empty if all is well.
        n_changes: how often it was written (and proven right).
        is_heard: some audio of it could be decoded.
        steps_s: seconds that each step took.
    """

    faults: list[str] = field(default_factory=list)
    n_changes: int = 0
    is_heard: bool = False
    steps_s: dict[str, float] = field(default_factory=dict)


def judge(path: Path, data: bytes, seed: int) -> Verdict:
    """Read, hear and write one mutant at `path`; only errors of ours may come out of it.

    Args:
        path: where it is put; the folder holds nothing else.
        data: its bytes.
        seed: chooses how it is written.
    """
    verdict = Verdict()
    path.write_bytes(data)

    def step(name: str, action: Callable[[], object]) -> object:
        started = time.monotonic()
        try:
            return action()
        except TaggerError as error:
            if str(path) not in str(error) and path.name not in str(error):
                verdict.faults.append(f"{name}: the error does not name the file: {error}")
            return type(error)
        except Exception as error:  # noqa: BLE001, that is what is looked for
            verdict.faults.append(f"{name}: {type(error).__name__}: {error}")
            return None
        finally:
            verdict.steps_s[name] = time.monotonic() - started

    step("tags", lambda: read_tags(path))
    step("payload", lambda: payload_hash(path, read_tags(path).container))
    step("scan", lambda: list(listen(path, WANTED)))
    before = step("decode", lambda: audio_digest(path))
    verdict.is_heard = isinstance(before, str)
    if path.read_bytes() != data or list(path.parent.iterdir()) != [path]:
        verdict.faults.append("reading has changed it, or left something behind")
    rng = random.Random(seed)
    for number, genres in enumerate((["Rock", "Jazz"], ["x" * 3000], [])):
        change = _Change(path, genres, _style(rng), _others(rng))
        made = step(f"write {number}", lambda change=change: change.carry_out(verdict))
        if made is not True:
            continue
        verdict.n_changes += 1
        after = step(f"decode {number}", lambda: audio_digest(path))
        if verdict.is_heard and after != before:  # a scan writes nothing that it has not heard
            verdict.faults.append(f"write {number}: its audio is another: {before}, {after}")
    return verdict


def audio_digest(path: Path) -> str:
    """The decoder, the length by which windows are placed, and a hash of all audio."""
    digest = hashlib.sha256()
    with open_track(path, sample_rate=WANTED.sample_rate) as track:
        length_s = track.duration_s
        for block in track.blocks():
            digest.update(block.tobytes())
        return f"{track.decoder} {length_s:.4f} s {digest.hexdigest()[:16]}"


def _style(rng: random.Random) -> WriteOptions:
    return WriteOptions(
        id3v2_version=rng.choice(("keep", "keep", 3, 4)),
        mp4_compat=rng.random() < 0.2,
        wav_info=rng.random() < 0.3,
    )


def _others(rng: random.Random) -> dict[str, list[str]]:
    return rng.choice(({}, {}, {"mood": ["Calm"]}, {"comment": []}, {"grouping": ["A", "B"]}))


@dataclass(frozen=True, slots=True)
class _Change:
    """One write, and what must be true of it."""

    path: Path
    genres: list[str]
    options: WriteOptions
    others: dict[str, list[str]]

    def carry_out(self, verdict: Verdict) -> bool:
        """Write; True if the file was changed, and then everything about it is checked."""
        old = self.path.read_bytes()
        try:
            change = prepare(self.path, self.genres, options=self.options, others=self.others)
        except TrackError:
            if self.path.read_bytes() != old or list(self.path.parent.iterdir()) != [self.path]:
                verdict.faults.append(
                    "a refused write has changed it, or left something behind"
                )
            raise
        if change is None:
            return False
        with change:
            change.commit()
        new = self.path.read_bytes()
        for patch in reversed(change.undo):
            end = patch.offset + patch.length
            new = new[: patch.offset] + patch.data + new[end:]
        if new != old:
            verdict.faults.append("what undoes the write does not restore the bytes")
        if list(self.path.parent.iterdir()) != [self.path]:
            verdict.faults.append("the write has left something behind")
        found = read_tags(self.path)
        if payload_hash(self.path, found.container) != change.was.payload:
            verdict.faults.append("the payload has another hash")
        if len(self.genres) < 2 and found.genres != tuple(self.genres):
            verdict.faults.append(f"the genres read back as {found.genres}")
        return True
