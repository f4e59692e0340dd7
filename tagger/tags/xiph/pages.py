"""The pages of an Ogg file, and where the packets on them end."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tagger.tags.base import MAX_TAG_LEN, Source
from tagger.tags.xiph.streams import ogg_stream


@dataclass(frozen=True, slots=True)
class Page:
    """One page: where it lies, whose it is, and how its content is cut into packets."""

    offset: int
    serial: int
    flags: int
    lacing: bytes

    @property
    def body(self) -> int:
        """Where the content starts."""
        return self.offset + 27 + len(self.lacing)

    @property
    def end(self) -> int:
        """Where the next page starts."""
        return self.body + sum(self.lacing)


def serial_of(source: Source) -> int:
    """The number of the stream that carries the audio."""
    stream = ogg_stream(source)
    if stream is None:
        raise ValueError("there is no audio stream that is known")
    return stream.serial


def pages_of(source: Source, offset: int = 0) -> Iterator[Page]:
    """The pages in order, up to the end of the file or to bytes that are none."""
    while len(head := source.read(offset, 27 + 255)) > 27 and head[:4] == b"OggS":
        lacing = head[27 : 27 + head[26]]
        page = Page(offset, int.from_bytes(head[14:18], "little"), head[5], lacing)
        if page.end > source.size:
            return
        yield page
        offset = page.end


def comment_pages(source: Source) -> list[Page]:
    """The stream's pages from the start of the comment packet to its end."""
    serial, pages, total = serial_of(source), [], 0
    for page in pages_of(source):
        # Flag 2: the first page of a stream, with its identification alone.
        if page.serial != serial or page.flags & 2:
            continue
        pages.append(page)
        total += page.end - page.body
        # A lacing value below 255 ends a packet.
        if any(value < 255 for value in page.lacing):
            return pages
        if total > MAX_TAG_LEN:
            break
    raise ValueError("the comment packet has no end")


def first_packet_len(lacing: bytes) -> int:
    """Bytes of a page up to the end of the first packet that ends there."""
    total = 0
    for value in lacing:
        total += value
        if value < 255:
            break
    return total


def packet_lengths(source: Source) -> bytes:
    """A digest of where the packets of the stream end, which its bytes alone do not say."""
    digest, length, index, serial = hashlib.sha256(), 0, 0, serial_of(source)
    for page in pages_of(source):
        for value in page.lacing if page.serial == serial else b"":
            length += value
            if value < 255:
                # All but the comment packet, whose length may change.
                if index != 1:
                    digest.update(length.to_bytes(4, "little"))
                length, index = 0, index + 1
    return digest.digest()
