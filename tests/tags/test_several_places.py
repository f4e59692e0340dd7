"""What several places say together, and what stands between them."""

from dataclasses import replace
from pathlib import Path

import mutagen
import pytest
from mutagen.flac import FLAC

from tagger.errors import WriteError
from tagger.scan.from_settings import writing_of
from tagger.settings.config import Settings
from tagger.tags import read_tags
from tagger.tags.base import open_source
from tagger.tags.patched import patched
from tagger.tags.payload import payload_hash
from tagger.writing.safe_write import WriteOptions, write_genres
from tests.prepared import prepare
from tests.synth_audio import make_audio
from tests.tags.readers import shown_genres
from tests.tags.second_places import (
    GENRED,
    GENRED_23,
    ID3V1,
    OLD,
    TITLED,
    behind,
    both,
    chunk,
    front,
    info,
    policed,
    written,
)
from tests.tags.test_id3 import frame, tag


def test_a_code_beside_a_placeholder_is_the_genre(tmp_path):
    """ID3v1 knows the genre, and ID3v2 says only that nobody does: `fill` takes none away."""
    path = make_audio(tmp_path, "mp3", duration_s=0.2)
    mutagen.File(path).delete()
    both(front(tag(frame(b"TCON", b"\3unknown"))), behind(ID3V1))(path)
    assert read_tags(path).genres == ("unknown", OLD)
    assert policed(path, "fill", "Zouk") == ("unknown", OLD)
    written(path, policed(path, "append", "Zouk"))
    assert read_tags(path).genres == ("unknown", OLD, "Zouk")
    written(path, policed(path, "replace", "Zouk"))
    assert read_tags(path).genres == ("Zouk",)
    written(path, ("unknown",))
    assert read_tags(path).genres == ("unknown",)


def test_a_code_beside_a_placeholder_of_the_owners_is_the_genre(tmp_path):
    """What the owner's settings call a placeholder counts as the usual ones do."""
    path = make_audio(tmp_path, "mp3", duration_s=0.2)
    mutagen.File(path).delete()
    both(front(tag(frame(b"TCON", b"\3To be sorted"))), behind(ID3V1))(path)
    settings = Settings(placeholders=("to be sorted",))
    style = writing_of(settings).style
    assert read_tags(path, style=style).genres == ("To be sorted", OLD)
    assert read_tags(path).genres == ("To be sorted",)
    guarded = replace(settings, protected=("To be sorted",))
    assert read_tags(path, style=writing_of(guarded).style).genres == ("To be sorted",)


@pytest.mark.parametrize("code", [12, 255])
def test_a_code_for_no_genre_is_none_beside_a_placeholder(tmp_path, code):
    """Two places in which nobody knows the genre are filled."""
    path = make_audio(tmp_path, "mp3", duration_s=0.2)
    mutagen.File(path).delete()
    both(front(tag(frame(b"TCON", b"\3Unknown"))), behind(ID3V1[:-1] + bytes([code])))(path)
    assert policed(path, "fill", "Zouk") == ("Zouk",)


@pytest.mark.parametrize("version", [3, 4])
def test_a_version_that_is_asked_for_afterwards_counts(tmp_path, version):
    """The genre is there already, the version is not; the second tag keeps its own."""
    path = make_audio(tmp_path, "mp3", duration_s=0.2)
    mutagen.File(path).delete()
    front(GENRED_23 if version == 4 else GENRED, GENRED)(path)
    options = WriteOptions(id3v2_version=version)
    assert write_genres(path, [OLD], options=options)
    assert path.read_bytes()[3] == version
    assert not write_genres(path, [OLD], options=options)
    assert not write_genres(path, [OLD])


def test_a_code_does_not_add_to_what_is_spelled_out(tmp_path):
    """ID3v1 has the nearest word of its list, often just the first one."""
    path = make_audio(tmp_path, "mp3", duration_s=0.2)
    mutagen.File(path).delete()
    both(front(tag(frame(b"TCON", b"\3Post-Rock"))), behind(ID3V1[:-1] + b"\0"))(path)
    assert read_tags(path).genres == ("Post-Rock",)


def test_joined_and_listed_values_are_the_same(tmp_path):
    """What one place joins and another one lists is told once."""
    path = make_audio(tmp_path, "wav", duration_s=0.2)
    both(chunk(tag(frame(b"TCON", b"\3Rock\0Pop"))), info(b"rock/pop"))(path)
    assert read_tags(path).genres == ("Rock", "Pop")
    assert not write_genres(path, ["Rock", "Pop"])


def test_places_that_cannot_be_written_refuse_the_file(tmp_path):
    """A second tag of a version that nobody knows how to spell is no genre at all."""
    path = make_audio(tmp_path, "flac", duration_s=0.2)
    front(b"ID3\x05" + GENRED[4:])(path)
    assert read_tags(path).genres == ()
    write_genres(path, ["Zouk"])
    assert FLAC(path)["genre"] == ["Zouk"]


def test_zeros_between_tags_go_with_the_tag_that_goes(tmp_path):
    """They are no part of the audio; an undo brings every byte back."""
    path = make_audio(tmp_path, "mp3", duration_s=0.2)
    mutagen.File(path).delete()
    front(TITLED, bytes(3000), tag(frame(b"TCON", b"\3Jazz")))(path)
    sound, before = payload_hash(path, "mp3"), path.read_bytes()
    with prepare(path, []) as prepared:
        assert patched_bytes(prepared.temp, prepared.undo) == before
        prepared.commit()
    assert payload_hash(path, "mp3") == sound
    assert shown_genres(path) == {}
    assert path.stat().st_size < len(before) - 3000


def test_a_tag_behind_many_zeros_is_junk_to_decoders(tmp_path):
    """It counts, and a change that would move the audio out of their sight is refused."""
    path = make_audio(tmp_path, "mp3", duration_s=2)
    mutagen.File(path).delete()
    front(TITLED, bytes(890_000), GENRED)(path)
    assert read_tags(path).genres == (OLD,)
    with pytest.raises(WriteError, match="decoders do not look"):
        write_genres(path, ["x" * 3000])


def patched_bytes(path: Path, patches) -> bytes:
    """The content of a file after a change."""
    with open_source(path) as source:
        found = patched(source, patches)
        return found.exact(0, found.size)
