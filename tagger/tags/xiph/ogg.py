"""Ogg Vorbis, Opus, Speex and FLAC in Ogg: the second packet of the stream is the comment.

A comment that needs another number of pages renumbers every page behind it, and each of them
gets a new checksum. https://www.xiph.org/ogg/doc/framing.html
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from mutagen.ogg import OggPage

from tagger.tags.base import (
    NEW_PADDING,
    Container,
    Family,
    Patch,
    Range,
    Source,
    TagFile,
    rewritten,
)
from tagger.tags.fields import GENRE, Edits, Field
from tagger.tags.places import GenrePlaces, Place
from tagger.tags.xiph.comment import (
    REPEATED,
    Comment,
    comment_values,
    edited,
    other_entries,
    parse_comment,
    render_comment,
)
from tagger.tags.xiph.fingerprint import ogg_parts
from tagger.tags.xiph.pages import (
    Page,
    comment_pages,
    first_packet_len,
    packet_lengths,
    pages_of,
    serial_of,
)
from tagger.tags.xiph.streams import ogg_stream

_PREFIXES = {"ogg-vorbis": b"\x03vorbis", "opus": b"OpusTags", "speex": b"", "ogg-flac": None}
_LAST = 4
_MAX_BEHIND = 512


class OggFile(TagFile):
    """The pages of an Ogg file."""

    @cached_property
    def _packet(self) -> tuple[bytes, Comment]:
        """What stands before the comment in its packet, and the comment."""
        return _comment(self.source, self.container)

    def values(self, field: Field) -> tuple[str, ...]:
        """The values of a field in the comment packet."""
        return comment_values(self._packet[1], field, self.style)

    def genre_places(self) -> GenrePlaces:
        """The comment packet is the only place."""
        return GenrePlaces((Place(self.values(GENRE)),))

    def refusal(self) -> str | None:
        """Comments without an end, and audio on the comment's own page, are left alone."""
        comment = self._packet[1]
        if self.container == "ogg-vorbis" and comment.rest[:1] != b"\x01":
            return "Its Vorbis comment is damaged: the framing bit is missing."
        # A granule position that is neither 0 nor -1 belongs to audio that ends on the page.
        position = self.source.read(comment_pages(self.source)[-1].offset + 6, 8)
        if position not in (bytes(8), b"\xff" * 8):
            return "Its audio starts on the same Ogg page as the comment ends."
        return None

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange the comment packet; renumber the pages behind if there are more or fewer."""
        prefix, comment = self._packet
        packet = _packet(prefix, comment, edited(comment, edits, self.style), self.container)
        old = comment_pages(self.source)
        parsed = [_whole(self.source, page) for page in old]
        packets = OggPage.to_packets(parsed)
        # Vorbis' set-up packet often shares the pages of the comment, and moves along.
        new = OggPage.from_packets([packet, *packets[1:]], parsed[0].sequence)
        for page in new:
            page.serial = parsed[0].serial
        _finish(new, parsed)
        patches = _replaced(self.source, old, b"".join(page.write() for page in new))
        if len(new) != len(old):
            patches += _renumbered(self.source, old[-1], len(new) - len(old))
        # As many pages as before: none behind them is touched, and so none was looked at.
        elif patches:
            _check_end(
                self.source, max((page.end for page in pages_of(self.source)), default=0)
            )
        return patches

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """Prefix, vendor and entries but the fields, what follows; pages of other streams."""
        prefix, comment = self._packet
        digest = hashlib.sha256()
        serial = serial_of(self.source)
        for page in pages_of(self.source):
            if page.serial != serial:
                digest.update(self.source.read(page.offset, page.end - page.offset))
        # Behind the type stands the block's length, which changes with the comment.
        kind = prefix[:1] if self.container == "ogg-flac" else prefix
        return [
            kind,
            *other_entries(comment, fields),
            comment.rest.rstrip(b"\0"),
            digest.digest(),
        ]

    def ranges(self) -> list[Range]:
        """The content of the stream's pages without that of the comment packet."""
        serial = serial_of(self.source)
        comment = comment_pages(self.source)
        first, last = comment[0].offset, comment[-1]
        contents: list[Range] = []
        for page in pages_of(self.source):
            if page.serial != serial or first <= page.offset < last.offset:
                continue
            skipped = first_packet_len(page.lacing) if page.offset == last.offset else 0
            contents.append((page.body + skipped, sum(page.lacing) - skipped))
        return contents

    def boundaries(self) -> bytes:
        """Where the packets end."""
        return packet_lengths(self.source)

    def landmarks(self, block_len: int) -> Iterator[bytes]:
        """The length of the audio is not known without reading every page."""
        return ogg_parts(self.source, block_len)


def _recognised(source: Source, _start: int, head: bytes) -> str | None:
    """The first stream that is known; "ogg" for a file of others."""
    if not head.startswith(b"OggS"):
        return None
    stream = ogg_stream(source)
    return stream.container if stream else None


FAMILY = Family(
    containers=(
        Container("ogg-vorbis", ".ogg .oga", (), "OGG", "ogg", "vorbis"),
        Container("opus", ".opus", (), "OGG", "ogg", "opus"),
        Container("speex", ".spx", (), None, "ogg", "speex libspeex"),
        Container("ogg-flac", ".oga .ogg", (), "OGG", "ogg", "flac"),
    ),
    open=OggFile,
    reads=("Vorbis comment",),
    writes="Vorbis comment",
    several=REPEATED,
    recognise=_recognised,
)


def _comment(source: Source, container: str) -> tuple[bytes, Comment]:
    """What stands before the comment in its packet, and the comment."""
    pages = comment_pages(source)
    packet = b"".join(source.exact(page.body, sum(page.lacing)) for page in pages[:-1])
    packet += source.exact(pages[-1].body, first_packet_len(pages[-1].lacing))
    prefix = _PREFIXES[container]
    if prefix is None:
        prefix = packet[:4]
        if not prefix or prefix[0] & 0x7F != 4:
            raise ValueError("the second packet is no comment")
    if not packet.startswith(prefix):
        raise ValueError("the second packet is no comment")
    return prefix, parse_comment(packet[len(prefix) :])


def _packet(prefix: bytes, old: Comment, new: Comment, container: str) -> bytes:
    """The new packet, as long as the old one where padding of zeros allows."""
    framing, padding = (
        (old.rest[:1], old.rest[1:]) if container == "ogg-vorbis" else (b"", old.rest)
    )
    if container == "ogg-flac":
        body = render_comment(new)
        return prefix[:1] + len(body).to_bytes(3, "big") + body
    # Opus may have data of its own behind the comment, which must stay; Speex has no padding.
    if not padding.strip(b"\0") and container != "speex":
        old_len = len(render_comment(old))
        new_len = len(render_comment(replace(new, rest=framing)))
        left = old_len - new_len
        new = replace(new, rest=framing + bytes(left if left >= 0 else NEW_PADDING))
    return prefix + render_comment(new)


def _whole(source: Source, page: Page) -> OggPage:
    """A page whose checksum is right: a new checksum would pass damaged bytes off as whole."""
    source.file.seek(page.offset)
    parsed = OggPage(source.file)
    if parsed.write() != source.read(page.offset, page.end - page.offset):
        raise ValueError(f"the checksum of the Ogg page at {page.offset} is wrong")
    return parsed


def _finish(new: list[OggPage], old: list[OggPage]) -> None:
    """Give the new pages the flags and positions that the old ones ended with."""
    new[0].first, new[0].continued = old[0].first, old[0].continued
    new[-1].last, new[-1].complete = old[-1].last, old[-1].complete
    new[-1].position = old[-1].position


def _replaced(source: Source, old: Sequence[Page], data: bytes) -> list[Patch]:
    """Put the new pages where the first old one was; pages of others in between stay."""
    if all(page.end == two.offset for page, two in pairwise(old)):
        start, end = old[0].offset, old[-1].end
        return rewritten(start, source.exact(start, end - start), data)
    removed = [Patch(page.offset, page.end - page.offset, b"") for page in old[1:]]
    return [Patch(old[0].offset, old[0].end - old[0].offset, data), *removed]


def _renumbered(source: Source, behind: Page, delta: int) -> list[Patch]:
    """New numbers and checksums for the stream's pages behind one of them."""
    patches, is_over, end = [], False, behind.end
    for page in pages_of(source, behind.end):
        end = page.end
        if page.serial != behind.serial:
            continue
        if is_over:
            raise ValueError(f"the stream goes on at {page.offset}, behind its last Ogg page")
        is_over = bool(page.flags & _LAST)
        parsed = _whole(source, page)
        parsed.sequence += delta
        # Bytes 18 to 26: the sequence number and the checksum.
        patches.append(Patch(page.offset + 18, 8, parsed.write()[18:26]))
    _check_end(source, end)
    return patches


def _check_end(source: Source, end: int) -> None:
    """Behind the pages may lie half a page or a short tag, but no more pages.

    In a lot of other bytes a decoder looks for pages, and what it finds depends on the length.
    """
    if source.size - end > _MAX_BEHIND and source.read(end, 4) != b"OggS":
        raise ValueError(f"the bytes behind its last Ogg page, at {end}, are no pages")
    tail = b""
    for block in source.blocks(end + 1, source.size):
        if b"OggS" in tail + block:
            raise ValueError(f"there is a hole between Ogg pages at {end}")
        # The mark may lie across two blocks.
        tail = block[-3:]
