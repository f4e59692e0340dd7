"""The genres that other programs show: FFmpeg, TagLib, mutagen, and MediaInfo where it is."""

import json
import shutil
import subprocess
from pathlib import Path

import av
import pytest
from mutagen import MutagenError
from mutagen.apev2 import APEv2, error
from mutagen.id3 import ID3, ID3NoHeaderError, ParseID3v1

from tests.tags import elements

taglib = pytest.importorskip("taglib")


def shown_genres(path: Path) -> dict[str, list[str]]:
    """Reader to genres; one that shows none is not in it."""
    found = {
        "FFmpeg": _ffmpeg(path),
        "TagLib": _taglib(path),
        "mutagen": _mutagen(path),
        "ID3v2": _id3(path),
        "APEv2": _ape(path),
        "ID3v1": _id3v1(path),
        "MediaInfo": _mediainfo(path),
    }
    return {name: genres for name, genres in found.items() if genres}


def _ffmpeg(path: Path) -> list[str]:
    try:
        with av.open(str(path), metadata_errors="replace") as opened:
            tags = [opened.metadata, *(stream.metadata for stream in opened.streams)]
    except av.FFmpegError:  # a kind whose audio nothing at hand encodes
        return []
    return [
        part
        for tag in tags
        for key, value in tag.items()
        if key.lower() == "genre"
        for part in _apart(value)
    ]


def _taglib(path: Path) -> list[str]:
    try:
        with taglib.File(path) as opened:
            return [part for item in opened.tags.get("GENRE", []) for part in _apart(item)]
    except OSError:
        return []


def other_tags(path: Path) -> dict[str, str]:
    """Everything but the genre, as far as mutagen opens such a file."""
    try:
        return elements.other_tags(path)
    except MutagenError:  # two tags in front
        return {}


def shown_by_taglib(path: Path) -> dict[str, list[str]]:
    """Everything but the genre that TagLib shows; nothing of what it does not open."""
    try:
        with taglib.File(path) as opened:
            return {key: values for key, values in opened.tags.items() if key != "GENRE"}
    except OSError:
        return {}


def _mutagen(path: Path) -> list[str]:
    try:
        return [part for genre in elements.seen_genres(path) for part in _apart(genre)]
    except MutagenError:
        return []


def _id3(path: Path) -> list[str]:
    try:
        frames = ID3(path, load_v1=False).getall("TCON")
        return [part for frame in frames for genre in frame.genres for part in _apart(genre)]
    except ID3NoHeaderError:
        return []


def _ape(path: Path) -> list[str]:
    try:
        return list(APEv2(path).get("Genre", []))
    except error:
        return []


def _id3v1(path: Path) -> list[str]:
    data = path.read_bytes()[-128:]
    frames = ParseID3v1(data) if data[:3] == b"TAG" else None
    return frames["TCON"].genres if frames and "TCON" in frames else []


def _mediainfo(path: Path) -> list[str]:
    if shutil.which("mediainfo") is None:
        return []
    command = ["mediainfo", "--Output=JSON", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    media = json.loads(done.stdout)["media"]
    tracks = media["track"] if media else []
    return [part for track in tracks for part in _apart(_text(track.get("Genre", "")))]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _apart(text: str) -> list[str]:
    return [part.strip() for part in text.replace(" / ", ";").split(";") if part.strip()]
