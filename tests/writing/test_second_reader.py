import shutil
from pathlib import Path

import mutagen
import pytest
from mutagen.id3 import (
    APIC,
    CHAP,
    COMM,
    CTOC,
    ID3,
    POPM,
    TCON,
    TDRC,
    TIT2,
    TRCK,
    TXXX,
    UFID,
    CTOCFlags,
    PictureType,
)

from tagger.errors import WriteError
from tagger.tags import read_tags
from tagger.tags.base import open_source, rewritten
from tagger.tags.fields import GENRE, field_named
from tagger.tags.id3 import mpeg
from tagger.writing import safe_write
from tagger.writing.safe_write import WriteOptions, write_genres
from tagger.writing.second_reader import differing_tags
from tests.synth_audio import WRITABLE, make_audio

TITLE = b"A title"


def otherwise(original, copy, fields=(), wording="own"):
    """What the second reader says of two files."""
    container = read_tags(original).container
    with open_source(original) as one, open_source(copy) as other:
        return differing_tags(one, other, container, fields, wording=wording)


@pytest.mark.parametrize("kind", [kind for kind in WRITABLE if kind != "ape"])
def test_a_tag_that_nobody_asked_for_is_seen(tmp_path, kind):
    """Every container that it can read: another field is noticed, the asked one is not."""
    path = make_audio(tmp_path, kind, title="A title")
    copy = Path(shutil.copy(path, tmp_path / f"copy{path.suffix}"))
    write_genres(copy, ["Rock"])
    assert otherwise(path, copy, [GENRE]) is None
    assert "another reader" in otherwise(path, copy)
    write_genres(copy, None, others={"mood": ["Calm"]})
    assert "another reader" in otherwise(path, copy, [GENRE])
    assert otherwise(path, copy, [GENRE, field_named("mood")]) is None


@pytest.fixture
def rich(tmp_path):
    """An mp3 with frames of many kinds, ID3v1 behind."""
    path = make_audio(tmp_path, "mp3")
    tags = ID3()
    tags.add(TIT2(encoding=3, text=["A title"]))
    tags.add(TRCK(encoding=0, text=["3/12"]))
    tags.add(TDRC(encoding=0, text=["1999-05-06"]))
    tags.add(TXXX(encoding=1, desc="Köln", text=["one"]))
    tags.add(COMM(encoding=3, lang="deu", desc="", text=["Wort"]))
    tags.add(POPM(email="me@x", rating=200, count=3))
    tags.add(UFID(owner="http://musicbrainz.org", data=b"abc"))
    picture = bytes(range(256)) * 100
    tags.add(APIC(encoding=0, mime="image/png", type=PictureType.OTHER, desc="d", data=picture))
    chapter = CHAP(
        element_id="c", start_time=0, end_time=9, sub_frames=[TIT2(encoding=3, text=["Intro"])]
    )
    tags.add(chapter)
    flags = CTOCFlags.TOP_LEVEL
    tags.add(CTOC(element_id="t", flags=flags, child_element_ids=["c"]))
    tags.add(TCON(encoding=3, text=["Old"]))
    tags.save(path, v1=2)
    return path


@pytest.mark.parametrize("options", [WriteOptions(), WriteOptions(id3v2_version=4)])
def test_frames_inside_of_frames_are_equal_to_themselves(rich, options):
    """What has no equality of its own (chapters) is compared by what it says."""
    assert write_genres(rich, ["Rock"], options=options)
    assert ID3(rich)["CHAP:c"].sub_frames["TIT2"].text == ["Intro"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"A title", b"A tItle"),
        (b"3/12", b"3/11"),
        (b"1999-05", b"1999-06"),
        (b"Wort", b"Word"),
        (b"deu", b"eng"),
        (b"me@x\0\xc8", b"me@x\0\xc7"),
        (b"abc", b"abd"),
        (bytes(range(250)), bytes(250)),
        (b"Intro", b"Outro"),
        (b"TAGA", b"TAGB"),
    ],
)
def test_each_change_of_a_frame_is_seen(rich, old, new):
    """Texts, languages, numbers, pictures, chapters, ID3v1."""
    copy = rich.with_name("copy.mp3")
    assert old in rich.read_bytes()
    copy.write_bytes(rich.read_bytes().replace(old, new))
    assert "mutagen" in otherwise(rich, copy, [GENRE])


@pytest.mark.parametrize("version", [3, 4])
def test_a_converted_tag_says_the_same(rich, version):
    """Dates, encodings and pictures of the other version are no difference."""
    tags = ID3(rich)
    for key in ("CHAP:c", "CTOC:t"):
        del tags[key]
    tags.save(rich, v2_version=7 - version)
    write_genres(rich, ["Rock", "Pop"], options=WriteOptions(id3v2_version=version))
    after = ID3(rich)
    assert after.version == (2, version, 0)
    assert str(after["TDRC"]) == "1999-05-06"


def test_what_our_reader_and_writer_get_wrong_alike_is_not_written(tmp_path, monkeypatch):
    """A family that takes a byte out of a title, and does not miss it, is found out."""
    path = make_audio(tmp_path, "mp3", title="A title")
    before = path.read_bytes()
    plan, at = mpeg.MpegFile.plan, before.index(TITLE)

    def damaging(tags, edits):
        patches = plan(tags, edits)
        return rewritten(at, TITLE, b"a title") + [p for p in patches if p.offset > at + 9]

    monkeypatch.setattr(mpeg.MpegFile, "plan", damaging)
    monkeypatch.setattr(mpeg.MpegFile, "others", lambda *_: [])
    monkeypatch.setattr(safe_write, "wrong_field", lambda *_: None)
    with pytest.raises(WriteError, match="mutagen"):
        write_genres(path, ["Rock"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_mutagen_cannot_read_is_compared_by_us_alone(tmp_path):
    """A FLAC without a valid STREAMINFO is written, if our reader finds nothing wrong."""
    path = make_audio(tmp_path, "flac")
    data = path.read_bytes()
    path.write_bytes(data[:8] + bytes(18) + data[26:])
    with pytest.raises(mutagen.MutagenError):
        mutagen.File(path)
    assert write_genres(path, ["Rock"])
    assert read_tags(path).genres == ("Rock",)
