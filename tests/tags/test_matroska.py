"""Matroska and WebM: genres as others write and read them, and nothing of the audio moves."""

import shutil
import struct
import subprocess
import zlib

import pytest

from tagger.audio.track import open_track
from tagger.errors import UnsupportedTagError, WriteError
from tagger.tags import read_tags
from tagger.tags.base import open_source
from tagger.tags.matroska.ebml import element_bytes, fitted, parts_of
from tagger.tags.payload import payload_hash, payload_ranges
from tagger.writing.filecopy import copy_patched
from tagger.writing.safe_write import write_genres
from tests.prepared import prepare
from tests.synth_audio import decoded, make_audio
from tests.tags.elements import elements_in, simple_tags
from tests.tags.matroska import (
    CHAPTER,
    CRC,
    JAZZ,
    LEVEL_30,
    LEVEL_50,
    OPEN,
    SEEK_HEAD,
    SEGMENT,
    TAGS,
    TITLE,
    built_of,
    element,
    elements_of,
    extracted,
    shown,
    simple,
    tag,
)

HAS_TOOLS = all(map(shutil.which, ("mkvmerge", "mkvpropedit", "mkvextract")))
needs_tools = pytest.mark.skipif(not HAS_TOOLS, reason="mkvtoolnix is not installed")


@pytest.fixture(scope="module")
def audio(tmp_path_factory):
    """The elements of a file with audio, by id."""
    path = make_audio(tmp_path_factory.mktemp("x"), "mka", duration_s=0.3)
    return elements_of(path)


@pytest.fixture
def built(audio, tmp_path):
    """Makes a file of the elements, with what is asked for around them."""

    def make(**layout):
        path = tmp_path / "a.mka"
        path.write_bytes(built_of(audio, **layout))
        return path

    return make


def changed(path, *genres):
    """Write, and make sure that an undo brings every byte back and the audio stays."""
    before, sound = path.read_bytes(), decoded(path)
    payload = [before[start : start + n] for start, n in payload_ranges(path, "matroska")]
    with prepare(path, list(genres)) as prepared:
        prepared.commit()
    assert read_tags(path).genres == genres
    assert decoded(path) == sound
    after = path.read_bytes()
    ranges = payload_ranges(path, "matroska")
    assert [after[start : start + n] for start, n in ranges] == payload
    back = path.with_name("back")
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before
    back.unlink()


FRONT = (tag(TITLE, JAZZ), 0)
LAYOUTS = {
    "in front": {"front": FRONT},
    "in front with room": {"front": (tag(TITLE, JAZZ), 500)},
    "in front of little room": {"front": (tag(TITLE, JAZZ), 30)},
    "behind": {"back": FRONT},
    "behind with room": {"back": (tag(TITLE, JAZZ), 500)},
    "open": {"front": FRONT, "is_open": OPEN},
    "open, behind": {"back": FRONT, "is_open": OPEN},
    "without checksums": {"front": FRONT, "has_checksums": False},
    "index without room": {"back": FRONT, "index": 0},
    "no index, behind": {"back": FRONT, "index": None},
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("genres", [("Rock",), ("Jazz", "Rock"), ("x" * 3000,), ()])
def test_tags_change_wherever_they_stand(built, name, genres):
    """FFmpeg shows the last genre and all other tags; no cluster moves or changes."""
    path = built(**LAYOUTS[name])
    assert read_tags(path).genres == ("Jazz",)
    changed(path, *genres)
    found = shown(path)
    if "no index" not in name:  # without one FFmpeg does not look behind the audio
        assert found.get("genre") == (genres[-1] if genres else None)
        assert found["title"] == "A title"
    changed(path, "Pop", "Electro", "Folk")
    changed(path)
    found.pop("genre", None)
    assert shown(path) == found


@pytest.mark.parametrize("name", [name for name in LAYOUTS if "open" not in name])
def test_elements_lead_to_the_end_and_checksums_are_right(built, name):
    """Another reader of EBML than the one that planned it finds every element whole."""
    path = built(**LAYOUTS[name])
    write_genres(path, ["Rock", "Pop"])
    data = path.read_bytes()
    ((_, segment),) = elements_in(data[data.index(SEGMENT) :], SEGMENT)
    for kind, content in elements_in(segment):
        if kind in (TAGS, SEEK_HEAD) and content[:1] == CRC:
            (_, (crc)), *_ = elements_in(content)
            n_before = content.index(crc) + 4
            assert crc == struct.pack("<I", zlib.crc32(content[n_before:]))
    assert simple_tags(path)["genre"] == ["Rock", "Pop"]


@pytest.mark.parametrize("before", ["", "Jazz and more"])
@pytest.mark.parametrize("length", range(1, 100))
def test_rooms_of_every_length_are_filled(built, length, before):
    """A byte more or less than the padding has, and one that padding cannot be."""
    path = built(front=(tag(TITLE, JAZZ), 20))
    if before:
        write_genres(path, [before])
    changed(path, "J" * length)
    assert simple_tags(path)["genre"] == ["J" * length]


@pytest.mark.parametrize("size_width", range(1, 9))
@pytest.mark.parametrize("n_left", [0, 1, 2, 8, 9, 10, 128, 129, 130, 1000])
def test_an_element_and_its_padding_fill_a_room(size_width, n_left):
    """However its length is written, and whatever is left."""
    raw = element_bytes(0x1254C367, b"content", size_width=size_width)
    found = fitted(raw, len(raw) + n_left)
    assert len(found) == len(raw) + n_left
    (first, *rest) = parts_of(found)
    assert first[0] == 0x1254C367
    assert first[1].endswith(b"content")
    assert [number for number, _ in rest] == [0xEC] * (len(first[1]) < len(found))
    assert fitted(raw, len(raw) - 1) is None


@needs_tools
@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "open, behind"])
def test_mkvtoolnix_sees_what_was_written_and_can_change_it(built, name):
    """And what it has changed is read here."""
    path = built(**LAYOUTS[name])
    changed(path, "Rock", "Pop")
    assert extracted(path) == [("TITLE", "A title"), ("GENRE", "Rock"), ("GENRE", "Pop")]
    changed(path, "x" * 2000)
    assert extracted(path) == [("TITLE", "A title"), ("GENRE", "x" * 2000)]
    xml = path.with_name("tags.xml")
    xml.write_text(
        "<Tags><Tag><Simple><Name>GENRE</Name><String>Ska</String></Simple></Tag></Tags>"
    )
    command = ["mkvpropedit", str(path), "--tags", f"global:{xml}"]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert read_tags(path).genres == ("Ska",)
    changed(path, "Rock")
    assert extracted(path) == [("GENRE", "Rock")]


@needs_tools
@pytest.mark.parametrize("kind", ["mka", "webm"])
def test_files_of_mkvmerge_are_written(tmp_path, kind):
    """Their tags stand behind the audio, and the index has much room."""
    source = make_audio(tmp_path, kind, title="A title")
    path = tmp_path / f"merged.{kind}"
    subprocess.run(["mkvmerge", "-q", "-o", path, source], check=True, timeout=60)
    before = extracted(path)
    changed(path, "Rock", "Pop")
    found = [item for item in extracted(path) if item not in before]
    assert found == [("GENRE", "Rock"), ("GENRE", "Pop")]
    changed(path)
    assert extracted(path) == before


SECOND = {
    "track": element(b"\x63\xc5", b"\x05"),
    "level 30": LEVEL_30,
    "level 30 of a track": LEVEL_30 + element(b"\x63\xc5", b"\x05"),
    "all tracks": LEVEL_50 + element(b"\x63\xc5", b"\x00"),
}


@pytest.mark.parametrize("name", SECOND)
@pytest.mark.parametrize("has_first", [True, False])
def test_a_genre_of_a_track_or_a_part_counts_and_changes(built, name, has_first):
    """`fill` sees it; after `replace` nobody does."""
    first = tag(TITLE, simple("Genre", b"Jazz"), targets=LEVEL_50) if has_first else b""
    second = tag(simple("ARTIST", b"Me"), simple("genre", b"Folk"), targets=SECOND[name])
    path = built(front=(second + first, 0))
    assert set(read_tags(path).genres) == {"Folk", *(["Jazz"] if has_first else [])}
    changed(path, "Rock")
    assert simple_tags(path)["genre"] == ["Rock"]
    assert simple_tags(path)["artist"] == ["Me"]
    changed(path)
    assert "genre" not in simple_tags(path)


def test_a_genre_of_a_chapter_is_not_that_of_the_file(built):
    """It neither counts nor changes."""
    path = built(front=(tag(JAZZ, targets=CHAPTER), 0))
    assert read_tags(path).genres == ()
    changed(path, "Rock")
    assert simple_tags(path)["genre"] == ["Jazz", "Rock"]


def test_what_stands_there_already_keeps_its_language(built):
    """`append` keeps an old value to the byte."""
    old = simple("GENRE", b"Jazz", more=element(b"\x44\x7a", b"eng"))
    path = built(front=(tag(old), 0))
    changed(path, "Jazz", "Rock")
    assert old in path.read_bytes()


def test_a_binary_value_is_something_and_no_text(built):
    """`fill` counts it, `append` keeps its bytes, `replace` takes its place."""
    old = simple("GENRE", b"\xff\x00", kind=b"\x44\x85")
    path = built(front=(tag(TITLE, old), 0))
    (sign,) = read_tags(path).genres
    changed(path, sign, "Rock")
    assert old in path.read_bytes()
    changed(path, "Rock")
    assert old not in path.read_bytes()


def test_other_fields_stand_beside_the_genre(built):
    """Under their usual names; a field of one's own keeps its letters."""
    path = built(front=FRONT)
    others = {"mood": ["Calm"], "My own": ["one", "two"], "comment": ["Hm"]}
    assert write_genres(path, ["Rock"], others=others)
    assert simple_tags(path) == {
        "title": ["A title"], "genre": ["Rock"], "mood": ["Calm"], "my own": ["one", "two"],
        "comment": ["Hm"],
    }  # fmt: skip
    assert b"My own" in path.read_bytes()
    assert read_tags(path, fields=["My own"]).values("My own") == ("one", "two")


def test_without_any_tags_new_ones_are_indexed(built):
    """At the end of the file, so that players find them."""
    path = built()
    changed(path, "Rock")
    assert shown(path)["genre"] == "Rock"


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        ({"index": None}, "no index"),
        ({"index": 0}, "no room"),
        ({"front": FRONT, "index": None}, "no index"),
        ({"front": FRONT, "is_open": b"\xff"}, "no room to say where it ends"),
    ],
)
def test_tags_that_readers_would_not_find_are_not_written(built, layout, reason):
    """Without an index that has room, or behind a cluster without an end; it stays as it is."""
    path = built(**layout)
    before = path.read_bytes()
    with pytest.raises(WriteError, match=reason):
        write_genres(path, ["x" * 500])
    assert path.read_bytes() == before


def _cut(data):
    return data[:-10]


def _longer(data):
    return data + b"more bytes"


def _wrong_sum(data):
    at = data.index(b"A title")
    return data[:at] + b"B" + data[at + 1 :]


def _other_kind(data):
    return data.replace(b"matroska", b"matrix??", 1)


def _sum_over_all(data):
    at = data.index(SEGMENT) + 12
    size = struct.unpack(">Q", data[at - 8 : at])[0] + 13
    return data[: at - 8] + struct.pack(">Q", size) + element(CRC, b"1234")[:13] + data[at:]


@pytest.mark.parametrize(
    ("damage", "error", "reason"),
    [
        (_cut, UnsupportedTagError, "cut off"),
        (_longer, WriteError, "other bytes follow"),
        (_wrong_sum, UnsupportedTagError, "checksum"),
        (_other_kind, UnsupportedTagError, "another kind"),
        (_sum_over_all, UnsupportedTagError, "checksum over all"),
    ],
)
def test_what_is_damaged_or_odd_is_left_alone(built, damage, error, reason):
    """With the reason; its genre is read even so."""
    path = built(front=FRONT)
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    assert read_tags(path).genres == ("Jazz",)
    with pytest.raises(error, match=reason):
        write_genres(path, ["Rock"] * 1 + ["x" * 500])
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", ["mka", "mkv", "webm"])
def test_its_audio_is_decoded_under_every_suffix(tmp_path, suffix):
    """FFmpeg opens what it contains."""
    kind = "webm" if suffix == "webm" else "mka"
    path = make_audio(tmp_path, kind, duration_s=1.0)
    path = path.rename(tmp_path / f"song.{suffix}")
    with open_track(path, sample_rate=16_000) as track:
        assert track.decoder == "ffmpeg"
        assert sum(map(len, track.blocks())) == pytest.approx(16_000, rel=0.05)
    sound = payload_hash(path, "matroska")
    write_genres(path, ["Rock"])
    assert (read_tags(path).genres, payload_hash(path, "matroska")) == (("Rock",), sound)
