"""`tagger formats` says what is so: tried on a file of each kind."""

import json
import re

import pytest

from tagger.audio.track import open_track
from tagger.diagnostics.formats import formats, has_decoder
from tagger.library.walk import AUDIO_SUFFIXES
from tagger.tags import read_tags
from tagger.tags.registry import containers
from tests.cli.test_cli import tagger
from tests.synth_audio import FAKE, KINDS, READ_ONLY, make_audio

BY_NAME = {item.container: item for item in formats()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_is_what_happens(tmp_path, kind):
    """Decoder, tags and the usual suffix of a real file are those of its line."""
    path = make_audio(tmp_path, kind)
    info = read_tags(path)
    line = BY_NAME[info.container]
    assert path.suffix in line.suffixes
    assert (line.writes is None) == (kind in READ_ONLY and kind != "aac")
    if line.writes is None:
        assert line.note == info.unwritable
    if kind not in FAKE:
        with open_track(path, sample_rate=16_000) as track:
            decoder = track.decoder
        assert decoder.casefold() in {name.casefold() for name in line.decoders}


def test_every_container_and_every_suffix_has_a_line():
    """What a scan opens is listed, and nothing is listed twice."""
    assert {*BY_NAME, "unknown"} == {container.name for _, container in containers()} | {
        "others"
    }
    shown = {suffix for item in BY_NAME.values() for suffix in item.suffixes}
    assert shown >= AUDIO_SUFFIXES
    assert len(BY_NAME) == len(formats())


def test_a_missing_decoder_leaves_only_tags(monkeypatch):
    """The line says so when neither library knows the format."""
    monkeypatch.setattr("tagger.diagnostics.formats.has_decoder", lambda codec: False)
    line = next(item for item in formats() if item.container == "ape")
    assert line.decoders == ()
    assert line.note.startswith("tags only")
    assert not has_decoder("no such codec")


def test_the_command_prints_the_same_as_text_and_json():
    """Programs and people are told of the same containers."""
    lines = [json.loads(line) for line in tagger("formats", "--json").stdout.splitlines()]
    assert [line["container"] for line in lines] == list(BY_NAME)
    text = tagger("formats").stdout
    assert all(name in text for name in BY_NAME)
    notes = dict(re.findall(r"^\((\d+)\) (.+)", text, re.MULTILINE))
    (flac,) = re.findall(r"^flac .*\((\d+)\)", text, re.MULTILINE)
    assert notes[flac] == "several genres: repeated field"
