import os
import shutil

import numpy as np
import pytest
import soundfile
from mutagen import File
from mutagen.ogg import OggPage
from mutagen.oggvorbis import OggVorbis

from tagger.errors import TagError
from tagger.tags.fingerprint import BLOCK_LEN, N_BLOCKS, content_of
from tagger.writing.safe_write import write_genres
from tests.synth_audio import FAKE, KINDS, WRITABLE, make_audio, tone


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("duration_s", [0.3, 6.0])
def test_tags_and_names_have_no_say(tmp_path, kind, duration_s):
    """A file that is tagged, grows, and is moved is still the same music."""
    path = make_audio(tmp_path, kind, duration_s=duration_s)
    before = content_of(path)
    write_genres(path, ("Rock",))
    assert content_of(path) == before
    write_genres(path, tuple(f"genre number {i}" for i in range(3000)))
    moved = path.rename(tmp_path / f"moved{path.suffix}")
    assert content_of(moved) == before


@pytest.mark.parametrize(
    "kind", ["mp3", "flac", "ogg-vorbis", "opus", "m4a-aac", "wma", "wavpack"]
)
def test_other_programs_may_write_the_tags(tmp_path, kind):
    """What mutagen saves, artist and a large picture of text, leaves the music the same."""
    path = make_audio(tmp_path, kind, duration_s=4.0)
    before = content_of(path)
    file = File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    file["artist"] = "x" * 200_000
    file.save()
    assert content_of(path) == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {*FAKE, "dsf"}])
def test_other_audio_is_other_content(tmp_path, kind):
    """Two recordings of the same kind are told apart."""
    one = make_audio(tmp_path, kind, duration_s=3.0, name="one")
    two = make_audio(tmp_path, kind, duration_s=3.1, name="two")
    assert content_of(one) != content_of(two)


def test_a_change_in_any_sampled_block_counts(tmp_path):
    """The first, the last and those between."""
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(8.0), 44_100, "PCM_16")
    whole = path.read_bytes()
    start = len(whole) - 8 * 44_100 * 4
    seen = {content_of(path)}
    span = len(whole) - start - BLOCK_LEN
    for i in range(N_BLOCKS):
        data = bytearray(whole)
        data[start + span * i // (N_BLOCKS - 1) + 7] ^= 0x40
        path.write_bytes(data)
        seen.add(content_of(path))
    assert len(seen) == N_BLOCKS + 1


def test_ogg_pages_that_are_cut_anew_are_the_same_music(tmp_path):
    """Some programs write all packets into pages of another length."""
    path = make_audio(tmp_path, "ogg-vorbis", duration_s=6.0)
    before = content_of(path)
    repaged(path)
    assert content_of(path) == before


def repaged(path):
    """Put each packet behind the headers on a page of its own."""
    with path.open("rb") as file:
        pages = []
        while True:
            try:
                pages.append(OggPage(file))
            except EOFError:
                break
    new = []
    n_packets = 0
    pending = []
    for page in pages:
        for i, packet in enumerate(page.packets):
            pending.append(packet)
            if i + 1 == len(page.packets) and not page.complete:
                continue
            one = OggPage()
            one.packets, pending = [b"".join(pending)], []
            one.serial, one.sequence = page.serial, len(new)
            one.first, one.last = not new, page.last and i + 1 == len(page.packets)
            one.position = page.position if n_packets > 2 else 0
            new.append(one)
            n_packets += 1
    assert len(new) > len(pages)
    path.write_bytes(b"".join(page.write() for page in new))
    assert OggVorbis(path).info.length > 5


def test_a_copy_is_the_same_and_noise_is_not(tmp_path):
    """Files of no known kind are taken as a whole."""
    path = tmp_path / "a.bin"
    path.write_bytes(np.random.default_rng(0).bytes(300_000))
    shutil.copy(path, tmp_path / "b.bin")
    assert content_of(path) == content_of(tmp_path / "b.bin")
    with path.open("ab") as file:
        file.write(b"x")
    assert content_of(path) != content_of(tmp_path / "b.bin")


@pytest.mark.parametrize("kind", WRITABLE)
def test_cut_and_damaged_files_have_a_content_too(tmp_path, kind):
    """Nothing but an unreadable file is an error."""
    path = make_audio(tmp_path, kind, duration_s=1.0)
    whole = path.read_bytes()
    for data in (b"", whole[:10], whole[: len(whole) // 2], whole[:-7], whole[:200] * 9):
        path.write_bytes(data)
        assert len(content_of(path)) == 16
    path.unlink()
    with pytest.raises(TagError, match=path.name):
        content_of(path)
    os.mkfifo(path)
    with pytest.raises(TagError, match=path.name):
        content_of(path)
