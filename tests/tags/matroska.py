"""Matroska files made of elements, and what other programs show of them."""

import struct
import subprocess
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import av

from tests.tags.elements import elements_in

SEGMENT, SEEK_HEAD, VOID = b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\xec"
INFO, TRACKS, CLUSTER = b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"
TAGS, CUES, CRC = b"\x12\x54\xc3\x67", b"\x1c\x53\xbb\x6b", b"\xbf"
OPEN = b"\x01" + b"\xff" * 7


def element(name, content, size=None):
    """An element whose length takes eight bytes."""
    return name + (size or struct.pack(">Q", len(content) | 1 << 56)) + content


def void(length):
    """Padding of so many bytes; nothing for 0."""
    return element(VOID, bytes(length - 9)) if length else b""


def checked(content):
    """A content with its checksum in front."""
    return element(CRC, struct.pack("<I", zlib.crc32(content))) + content


def simple(name, text, *, kind=b"\x44\x87", more=b""):
    """A name with a value."""
    name = element(b"\x45\xa3", name.encode())
    return element(b"\x67\xc8", name + element(kind, text) + more)


def tag(*parts, targets=b""):
    """A tag about whatever the targets say; about all of the file without any."""
    return element(b"\x73\x73", element(b"\x63\xc0", targets) + b"".join(parts))


TITLE = simple("TITLE", b"A title")
JAZZ = simple("GENRE", b"Jazz")
LEVEL_30 = element(b"\x68\xca", b"\x1e")
LEVEL_50 = element(b"\x68\xca", b"\x32")
CHAPTER = element(b"\x63\xc4", b"\x07")


def index_of(places, sum_of):
    """An index that says where tags stand."""
    name = element(b"\x53\xab", TAGS)
    seeks = (name + element(b"\x53\xac", struct.pack(">Q", place)) for place in places)
    return element(SEEK_HEAD, sum_of(b"".join(element(b"\x4d\xbb", seek) for seek in seeks)))


def elements_of(path: Path) -> dict[bytes, bytes]:
    """The elements of a file with audio, by id, and all before its segment; no cues."""
    data = path.read_bytes()
    start = data.index(SEGMENT)
    ((_, segment),) = elements_in(data[start:], SEGMENT)
    return {b"": data[:start]} | dict(elements_in(segment))


def built_of(
    audio, *, front=None, back=None, index=200, is_open=b"", has_checksums=True
) -> bytes:
    """A file of some elements, with what is asked for around them.

    Args:
        audio: as `elements_of` has them.
        front: content of the tags before the audio, and bytes of padding behind them.
        back: the same for tags behind the audio.
        index: bytes of padding behind the index; None for no index.
        is_open: the length of the segment and its cluster, where neither says it.
        has_checksums: of the tags and the index.
    """
    sum_of = checked if has_checksums else bytes
    is_tagged = (front or back) is not None
    at = 0 if index is None else len(index_of([0] * is_tagged, sum_of)) + index
    body = element(INFO, audio[INFO]) + element(TRACKS, audio[TRACKS])
    places = []
    for is_back, given in enumerate((front, back)):
        if is_back:
            body += element(CLUSTER, audio[CLUSTER], is_open or None)
        if given is not None:
            places.append(at + len(body))
            body += element(TAGS, sum_of(given[0])) + void(given[1])
    if index is not None:
        body = index_of(places, sum_of) + void(index) + body
    return audio[b""] + element(SEGMENT, body, is_open or None)


def shown(path):
    """What FFmpeg shows of all that is in the file."""
    with av.open(str(path)) as opened:
        return {key.lower(): value for key, value in opened.metadata.items()}


def extracted(path):
    """Names and values as mkvtoolnix shows them."""
    command = ["mkvextract", str(path), "tags", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    tree = ET.fromstring(done.stdout.decode("utf-8-sig"))
    return [(item.findtext("Name"), item.findtext("String")) for item in tree.iter("Simple")]
