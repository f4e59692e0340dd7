"""RIFF INFO beside the ID3 chunk, and RF64's 64-bit lengths."""

import hashlib
import struct

import av
import pytest

from tagger.audio.track import open_track
from tagger.errors import UnsupportedTagError
from tagger.tags import read_tags
from tagger.tags.base import open_source
from tagger.tags.fields import AS_IS, GENRE
from tagger.tags.id3.make import new_tag
from tagger.tags.payload import payload_hash
from tagger.tags.riff.info import info_genres
from tagger.writing.filecopy import copy_patched
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import decoded, make_audio

INFO = WriteOptions(wav_info=True)


def info_of(path):
    """The genres of the INFO list alone."""
    with open_source(path) as source:
        return info_genres(source, "rf64" if path.suffix == ".rf64" else "wav")


def with_list(path, *entries):
    """Append an INFO list to a WAV."""
    body = b"INFO" + b"".join(
        name + struct.pack("<I", len(text)) + text + bytes(len(text) % 2)
        for name, text in entries
    )
    data = path.read_bytes() + b"LIST" + struct.pack("<I", len(body)) + body
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])


@pytest.mark.parametrize("kind", ["wav", "rf64"])
@pytest.mark.parametrize("genre", ["Rock", "Électro", "ジャズ", "Ã©"])
def test_the_genre_also_stands_in_riff_info(tmp_path, kind, genre):
    """Both places say the same, through changes of length and back to none."""
    path = make_audio(tmp_path, kind, duration_s=0.1)
    before, sound = path.read_bytes(), decoded(path)
    for genres in ([genre, "Pop"], [genre], [genre] * 2 + ["x" * 500], []):
        with prepare(path, genres, options=INFO) as prepared:
            prepared.commit()
        assert info_of(path) == (("; ".join(genres),) if genres else ())
        assert read_tags(path).genres == tuple(genres)
        assert decoded(path) == sound
        if kind == "wav":
            assert struct.unpack("<I", path.read_bytes()[4:8])[0] == path.stat().st_size - 8
    assert path.read_bytes() == before


def test_ffmpeg_reads_the_genre_from_riff_info(tmp_path):
    """Another program finds it: without its ID3 chunk the list is all there is."""
    path = make_audio(tmp_path, "wav", duration_s=0.1)
    write_genres(path, ["Rock"], options=INFO)
    path.write_bytes(path.read_bytes().replace(b"id3 ", b"junk"))
    with av.open(str(path)) as opened:
        assert opened.metadata["genre"] == "Rock"


def test_other_entries_of_riff_info_stay(tmp_path):
    """The genre is exchanged in its place; what does not fit the format stays too."""
    path = make_audio(tmp_path, "wav", duration_s=0.1)
    with_list(path, (b"IART", b"Me\0"), (b"IGNR", b"Old\0"), (b"ICMT", b"caf\xe9\0"))
    before, payload = path.read_bytes(), payload_hash(path, "wav")
    with prepare(path, ["Rock", "Pop"], options=INFO) as prepared:
        prepared.commit()
    data = path.read_bytes()
    assert data.index(b"IART") < data.index(b"IGNR") < data.index(b"ICMT")
    assert b"caf\xe9\0" in data
    assert b"Old" not in data
    assert info_of(path) == ("Rock; Pop",)
    assert payload_hash(path, "wav") == payload
    back = tmp_path / "back"
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before


@pytest.mark.parametrize("entries", [[(b"IGNR", b"Old\0")], [(b"IART", b"Me\0")]])
def test_a_list_that_is_there_gets_the_genre_without_the_option(tmp_path, entries):
    """Readers that ask INFO first show nothing of the ID3 chunk beside a list."""
    path = make_audio(tmp_path, "wav", duration_s=0.1)
    with_list(path, *entries)
    write_genres(path, ["Rock"])
    assert info_of(path) == ("Rock",)
    with av.open(str(path)) as opened:
        assert opened.metadata["genre"] == "Rock"


def test_an_entry_in_small_letters_is_the_genre_as_it_is_for_ffmpeg(tmp_path):
    """It counts, and gives way to the new one; no reader shows the old one."""
    path = make_audio(tmp_path, "wav", duration_s=0.1)
    with_list(path, (b"IART", b"Me\0"), (b"ignr", b"Jazz\0"))
    with av.open(str(path)) as opened:
        assert opened.metadata["genre"] == "Jazz"
    assert read_tags(path).genres == ("Jazz",)
    write_genres(path, ["Rock"])
    with av.open(str(path)) as opened:
        assert (opened.metadata["genre"], opened.metadata["artist"]) == ("Rock", "Me")
    assert b"Jazz" not in path.read_bytes()


UNPADDED = [
    [(b"IART", b"Me\0"), (b"IGNR", b"Jazz\0\0")],
    [(b"IART", b"Me\0"), (b"INAM", b"A titl\0"), (b"IGNR", b"Jazz\0"), (b"ICMT", b"So")],
    [(b"IGNR", b"Jazz\0"), (b"ICMT", b"So")],
    [(b"IART", b"Me"), (b"INAM", b"on\0"), (b"IGNR", b"Jazz\0")],
]


@pytest.mark.parametrize("entries", UNPADDED)
@pytest.mark.parametrize("genres", [["Rock"], ["Rocks"], ["Jazz", "Rock"], []])
def test_entries_of_odd_length_without_their_padding(tmp_path, entries, genres):
    """The genre behind them counts, as for FFmpeg; after a write it sees the new one alone."""
    path = make_audio(tmp_path, "wav", duration_s=0.1)
    body = b"".join(name + struct.pack("<I", len(text)) + text for name, text in entries)
    data = path.read_bytes() + b"LIST" + struct.pack("<I", len(body) + 4) + b"INFO" + body
    data += bytes(len(data) % 2)
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    before, sound = seen_by_ffmpeg(path), payload_hash(path, "wav")
    assert read_tags(path).genres == (before.pop("genre"),) == ("Jazz",)
    write_genres(path, genres)
    after = seen_by_ffmpeg(path)
    assert after.pop("genre", "") in ("; ".join(genres), *genres[:1])
    assert info_of(path) == (("; ".join(genres),) if genres else ())
    assert after == before
    assert payload_hash(path, "wav") == sound
    assert read_tags(path).genres == tuple(genres)


def seen_by_ffmpeg(path):
    """The tags of a file as FFmpeg shows them."""
    with av.open(str(path)) as opened:
        return dict(opened.metadata)


def test_without_list_and_option_none_is_added(tmp_path):
    """RIFF INFO is nothing that everybody wants."""
    path = make_audio(tmp_path, "wav", duration_s=0.1)
    write_genres(path, ["Rock"])
    assert b"INFO" not in path.read_bytes()


@pytest.mark.parametrize("kind", ["wav", "rf64"])
def test_the_option_counts_for_files_that_hold_the_genre(tmp_path, kind):
    """'Unchanged' is what holds all that was asked for."""
    path = make_audio(tmp_path, kind, duration_s=0.1)
    write_genres(path, ["Rock", "Pop"])
    before = path.read_bytes()
    with prepare(path, ["Rock", "Pop"], options=INFO) as prepared:
        prepared.commit()
    assert info_of(path) == ("Rock; Pop",)
    assert not write_genres(path, ["Rock", "Pop"], options=INFO)
    back = tmp_path / "back"
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before


@pytest.mark.parametrize("genre", [b"Old", b"Old\0", b"Longer than the new one\0", b"O"])
@pytest.mark.parametrize("padded", [True, False])
def test_a_list_of_odd_entries_keeps_its_other_bytes(tmp_path, genre, padded):
    """An entry at the end may lack its padding byte; unknown bytes stay what they are."""
    path = make_audio(tmp_path, "wav", duration_s=0.1)
    with_list(path, (b"IART", b"Mee"), (b"IGNR", genre))
    if not padded and len(genre) % 2:
        data = path.read_bytes()[:-1]
        at = data.rindex(b"LIST") + 4
        n_bytes = len(data) - at - 4
        data = data[:at] + struct.pack("<I", n_bytes) + data[at + 4 :] + b"\0"
        path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    before, payload = path.read_bytes(), payload_hash(path, "wav")
    with prepare(path, ["Rock"]) as prepared:
        prepared.commit()
    assert info_of(path) == ("Rock",)
    data = path.read_bytes()
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    assert b"IART\x03\0\0\0Mee\0" in data
    assert payload_hash(path, "wav") == payload
    back = tmp_path / "back"
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before


def test_rf64_says_its_new_length_in_64_bits(tmp_path):
    """The 32-bit length stays what says so, and the samples keep theirs."""
    path = make_audio(tmp_path, "rf64", duration_s=0.1)
    old = struct.unpack("<QQQ", path.read_bytes()[20:44])
    write_genres(path, ["Rock"])
    data = path.read_bytes()
    assert data[4:8] == b"\xff" * 4
    new = struct.unpack("<QQQ", data[20:44])
    assert new[0] == len(data) - 8
    assert new[1:] == old[1:]


@pytest.mark.parametrize("damage", ["length", "ds64"])
def test_an_rf64_with_wrong_lengths_is_refused(tmp_path, damage):
    """Where the end of the form is in doubt, a chunk would become audio."""
    path = make_audio(tmp_path, "rf64", duration_s=0.1)
    data = path.read_bytes()
    data = data[:20] + bytes([data[20] ^ 0xFF]) + b"\x7f" + data[22:]
    if damage == "length":
        path.write_bytes(data)
        with pytest.raises(UnsupportedTagError, match="length"):
            write_genres(path, ["Rock"])
    else:
        path.write_bytes(data.replace(b"ds64", b"junk"))
        with pytest.raises(Exception, match="ds64"):
            write_genres(path, ["Rock"])


def test_mp4_compat_joins_the_genres(tmp_path):
    """One value for players that show the first; read with the same option it is several."""
    path = make_audio(tmp_path, "m4a-aac", duration_s=0.1)
    options = WriteOptions(mp4_compat=True)
    write_genres(path, ["Rock", "Pop"], options=options)
    assert read_tags(path).genres == ("Rock; Pop",)
    assert read_tags(path, style=options.style).genres == ("Rock", "Pop")
    assert not write_genres(path, ["Rock", "Pop"], options=options)
    assert write_genres(path, ["Rock", "Pop"])
    assert write_genres(path, ["Rock", "Pop"], options=options)  # asked for afterwards
    assert read_tags(path).genres == ("Rock; Pop",)
    assert write_genres(path, ["Rock", "Pop"])
    assert read_tags(path).genres == ("Rock", "Pop")


@pytest.mark.parametrize("kind", ["wav", "aiff"])
def test_a_tag_in_front_of_the_header_is_read_and_left(tmp_path, kind):
    """Some programs put ID3v2 there: the file is listened to, and stays as it is."""
    path = make_audio(tmp_path, kind)
    sound = path.read_bytes()
    for genre in ("Rock", "Jazz"):
        path.write_bytes(new_tag({GENRE: (genre,)}, AS_IS) + sound)
        assert payload_hash(path, kind) == hashlib.sha256(sound).hexdigest()
    before = path.read_bytes()
    assert read_tags(path).genres == ("Jazz",)
    with pytest.raises(UnsupportedTagError, match="in front of its header"):
        write_genres(path, ["Rock"])
    assert path.read_bytes() == before
    with open_track(path, sample_rate=16_000) as track:
        assert track.decoder == "libsndfile"
        assert abs(track.duration_s - 0.5) < 0.01
