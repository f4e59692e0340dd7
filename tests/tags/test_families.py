import shutil
import struct

import av
import mutagen
import pytest
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from tagger.errors import TagError, UnsupportedTagError
from tagger.tags import read_tags
from tagger.tags.payload import payload_hash
from tagger.writing.safe_write import write_genres
from tests.synth_audio import KINDS, decoded, make_audio
from tests.tags.elements import other_tags

MANY = [f"Genre number {i}" for i in range(3000)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_decides_and_not_the_suffix(tmp_path, kind):
    """Under any name a file is what it contains."""
    path = make_audio(tmp_path, kind)
    renamed = path.with_name("other.xyz")
    shutil.copy(path, renamed)
    assert read_tags(renamed) == read_tags(path)
    assert read_tags(path).container != "unknown"


@pytest.mark.parametrize("content", [b"", b"\0", b"ID3", b"hello world" * 99, b"OggS", b"RIFF"])
def test_other_files_are_unknown_and_say_so(tmp_path, content):
    """There is always a sentence why no genre can be written."""
    path = tmp_path / "x.mp3"
    path.write_bytes(content)
    info = read_tags(path)
    assert info.genres == ()
    assert info.unwritable
    assert info.unwritable.endswith(".")


@pytest.fixture
def faststart(tmp_path):
    """An m4a whose moov stands before mdat, so that growing tags move the samples."""
    source = make_audio(tmp_path, "m4a-aac", title="A title")
    path = tmp_path / "fast.m4a"
    with (
        av.open(str(source)) as old,
        av.open(str(path), "w", format="ipod", options={"movflags": "faststart"}) as new,
    ):
        new.metadata["title"] = "A title"
        stream = new.add_stream_from_template(old.streams[0])
        for packet in old.demux(old.streams[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    return path


def test_mp4_chunk_offsets_follow_when_the_tags_grow(faststart):
    """The audio decodes alike after atoms before it grew and shrank."""
    sound, payload = decoded(faststart), payload_hash(faststart, "mp4")
    for genres in (MANY, ["Rock"], []):
        write_genres(faststart, genres)
        assert decoded(faststart) == sound
        assert payload_hash(faststart, "mp4") == payload
        assert (MP4(faststart).tags or {}).get("\xa9gen", []) == genres
        assert MP4(faststart).tags["\xa9nam"] == ["A title"]


def test_a_wrong_mp4_offset_shows_in_the_payload(faststart):
    """The hash follows the tables, so it notices a table that points elsewhere."""
    before = payload_hash(faststart, "mp4")
    data = bytearray(faststart.read_bytes())
    at = data.index(b"stco") + 12
    data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") - 1).to_bytes(4, "big")
    faststart.write_bytes(data)
    assert payload_hash(faststart, "mp4") != before


def test_mp4_free_atoms_take_up_the_difference(faststart):
    """With room beside the tags nothing moves."""
    write_genres(faststart, ["Rock"])
    size = faststart.stat().st_size
    write_genres(faststart, ["Rock", "Pop", "Jazz"])
    assert faststart.stat().st_size == size


def test_mp4_pictures_and_free_forms_keep_their_bytes(faststart):
    """Every other atom is carried over raw."""
    tags = MP4(faststart)
    tags["covr"] = [MP4Cover(b"\x89PNG" * 5000, MP4Cover.FORMAT_PNG)]
    tags["----:com.apple.iTunes:MOOD"] = [MP4FreeForm(b"calm")]
    tags["trkn"] = [(1, 9)]
    tags.save()
    before = other_tags(faststart)
    write_genres(faststart, MANY)
    assert other_tags(faststart) == before


def test_the_numeric_mp4_genre_is_read_and_gives_way(faststart):
    """`gnre` counts as a genre; writing replaces it by text."""
    gnre = struct.pack(">I4sI4sIIHI4s", 26, b"gnre", 18, b"data", 0, 0, 18, 0, b"")[:26]
    data = faststart.read_bytes()
    tags = MP4(faststart)
    tags["\xa9wrt"] = ["x" * 2]  # as long as the number: 26 bytes
    tags.save()
    data = faststart.read_bytes()
    at = data.index(b"\xa9wrt") - 4
    assert data[at : at + 4] == (26).to_bytes(4, "big")
    faststart.write_bytes(data[:at] + gnre + data[at + 26 :])
    assert read_tags(faststart).genres == ("Rock",)
    write_genres(faststart, ["Pop"])
    assert MP4(faststart).tags["\xa9gen"] == ["Pop"]
    assert b"gnre" not in faststart.read_bytes()


def test_fragmented_mp4_is_refused(tmp_path):
    """Fragments hold offsets of several kinds."""
    path = tmp_path / "fragmented.mp4"
    source = make_audio(tmp_path, "m4a-aac")
    options = {"movflags": "frag_keyframe+empty_moov"}
    with av.open(str(source)) as old, av.open(str(path), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams[0])
        for packet in old.demux(old.streams[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert read_tags(path).container == "mp4"
    with pytest.raises(UnsupportedTagError, match="fragmented"):
        write_genres(path, ["Rock"])


@pytest.mark.parametrize(("kind", "reader"), [("ogg-vorbis", OggVorbis), ("opus", OggOpus)])
def test_ogg_pages_are_renumbered(tmp_path, kind, reader):
    """A comment over many pages and back leaves packets, numbers and checksums right."""
    path = make_audio(tmp_path, kind, duration_s=3)
    container, sound = read_tags(path).container, decoded(path)
    payload = payload_hash(path, container)
    tags = reader(path)
    tags["metadata_block_picture"] = ["QUJD" * 30_000]
    tags["artist"] = ["A", "B"]
    tags.save()
    assert payload_hash(path, container) == payload
    for genres in (MANY, ["Rock"], []):
        write_genres(path, genres)
        assert payload_hash(path, container) == payload
        assert decoded(path) == sound
        assert reader(path).tags.get("genre", []) == genres
        assert reader(path)["metadata_block_picture"] == ["QUJD" * 30_000]
        _check_pages(path.read_bytes())


def _check_pages(data):
    """Each page has the next number and the right checksum."""
    from io import BytesIO  # noqa: PLC0415

    from mutagen.ogg import OggPage  # noqa: PLC0415

    file, number = BytesIO(data), 0
    while file.tell() < len(data):
        start = file.tell()
        page = OggPage(file)
        assert page.sequence == number
        assert page.write() == data[start : file.tell()]
        number += 1


def test_flac_padding_takes_up_the_difference(tmp_path):
    """Pictures, unknown blocks and the frames stay where they are."""
    path = make_audio(tmp_path, "flac")
    tags = FLAC(path)
    picture = Picture()
    picture.data, picture.mime = b"\x89PNG" * 2000, "image/png"
    tags.add_picture(picture)
    tags["artist"] = ["B", "A"]
    tags["Genre"] = ["Old"]
    tags.save(padding=lambda info: 500)
    before, size = path.read_bytes(), path.stat().st_size
    write_genres(path, ["Rock", "Pop"])
    assert path.stat().st_size == size
    assert FLAC(path)["genre"] == ["Rock", "Pop"]
    assert FLAC(path)["artist"] == ["B", "A"]
    assert FLAC(path).pictures[0].data == picture.data
    assert path.read_bytes()[-20_000:] == before[-20_000:]


def test_flac_keeps_fields_that_are_no_utf_8(tmp_path):
    """Raw entries are carried over, whatever their encoding."""
    path = make_audio(tmp_path, "flac")
    tags = FLAC(path)
    tags["artist"] = ["XXXX"]
    tags.save()
    path.write_bytes(path.read_bytes().replace(b"XXXX", b"\xe9\xe8\xff\xfe"))
    write_genres(path, MANY)
    assert b"=\xe9\xe8\xff\xfe" in path.read_bytes()


def test_riff_info_is_read_and_follows(tmp_path):
    """IGNR counts as a genre, and says the new one once one is written."""
    path = make_audio(tmp_path, "wav")
    info = b"INFOIGNR" + struct.pack("<I", 5) + b"Jazz\0\0"
    data = path.read_bytes() + b"LIST" + struct.pack("<I", len(info)) + info
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    assert read_tags(path).genres == ("Jazz",)
    assert not write_genres(path, ["Jazz"])
    write_genres(path, ["Rock"])
    assert read_tags(path).genres == ("Rock",)
    written = path.read_bytes()
    assert b"Jazz" not in written
    assert b"IGNR" + struct.pack("<I", 5) + b"Rock" in written
    assert struct.unpack("<I", written[4:8])[0] == len(written) - 8


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_streamed_wav_files_are_refused(tmp_path, length):
    """Where the header does not know the end, a chunk would become audio."""
    path = make_audio(tmp_path, "wav")
    data = path.read_bytes()
    path.write_bytes(data[:4] + struct.pack("<I", length) + data[8:])
    with pytest.raises(UnsupportedTagError, match="length"):
        write_genres(path, ["Rock"])


def test_asf_keeps_pictures_and_other_attributes(tmp_path):
    """The first value stands in the content description, the others in the library."""
    path = make_audio(tmp_path, "wma", title="A title")
    tags = mutagen.File(path)
    tags["WM/Picture"] = mutagen.asf.ASFByteArrayAttribute(b"\x03\x04\0\0\0" + b"x" * 70_000)
    tags["WM/Mood"] = ["calm", "slow"]
    tags.save()
    before, sound = other_tags(path), decoded(path)
    for genres in (MANY[:500], ["Rock", "Pop"], ["Rock"], []):
        write_genres(path, genres)
        assert [str(g) for g in mutagen.File(path).tags.get("WM/Genre", [])] == genres
        assert other_tags(path) == before
        assert decoded(path) == sound


def test_apev1_is_refused(tmp_path):
    """It has neither lists nor Unicode; it is read."""
    path = make_audio(tmp_path, "ape")
    item = struct.pack("<II", 4, 0) + b"Genre\0Jazz"
    footer = struct.pack("<8sIIII8s", b"APETAGEX", 1000, len(item) + 32, 1, 0, bytes(8))
    path.write_bytes(path.read_bytes() + item + footer)
    assert read_tags(path).genres == ("Jazz",)
    with pytest.raises(UnsupportedTagError, match="APEv1"):
        write_genres(path, ["Rock"])


@pytest.mark.parametrize("n_bytes", range(45, 60))
def test_an_ape_header_is_not_taken_for_id3v1(tmp_path, n_bytes):
    """Its TAG stands 128 bytes before the end at one length of the items."""
    path = make_audio(tmp_path, "ape")
    assert write_genres(path, ["x" * n_bytes])
    assert not write_genres(path, ["x" * n_bytes])


def test_damaged_tags_are_an_error_that_names_the_file(tmp_path):
    """A block that leads out of the file."""
    path = make_audio(tmp_path, "flac")
    data = bytearray(path.read_bytes())
    data[5:8] = b"\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(TagError, match=r"tone\.flac"):
        read_tags(path)
