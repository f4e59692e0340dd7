"""Ogg Vorbis, Opus, Speex and FLAC in Ogg: the second packet of the stream is the comment.

A comment that needs another number of pages renumbers every page behind it, and each of them
gets a new checksum. https://www.xiph.org/ogg/doc/framing.html
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mutagen.ogg import OggPage

from tagger.tags.base import MAX_TAG_LEN, NEW_PADDING, About, Patch, Range, Source, rewritten
from tagger.tags.fields import GENRE, Edits, Field, Style
from tagger.tags.places import Place, Told
from tagger.tags.sniff import ogg_stream
from tagger.tags.xiph.comment import (
    REPEATED,
    Comment,
    comment_values,
    edited,
    other_entries,
    parse_comment,
    render_comment,
)

ABOUT = About(
    reads=("Vorbis comment",),
    writes="Vorbis comment",
    several=REPEATED,
)
_PREFIXES = {"ogg-vorbis": b"\x03vorbis", "opus": b"OpusTags", "speex": b"", "ogg-flac": None}
_LAST = 4
_MAX_BEHIND = 512


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


def values(source: Source, container: str, field: Field, style: Style) -> tuple[str, ...]:
    """The values of a field in the comment packet."""
    return comment_values(_comment(source, container)[1], field, style)


def told(source: Source, container: str, style: Style) -> Told:
    """The comment packet is the only place."""
    return Told((Place(values(source, container, GENRE, style)),))


def refusal(source: Source, container: str, style: Style) -> str | None:  # noqa: ARG001
    """Comments without an end, and audio on the comment's own page, are left alone."""
    comment = _comment(source, container)[1]
    if container == "ogg-vorbis" and comment.rest[:1] != b"\x01":
        return "Its Vorbis comment is damaged: the framing bit is missing."
    position = source.read(comment_pages(source)[-1].offset + 6, 8)
    if position not in (bytes(8), b"\xff" * 8):
        return "Its audio starts on the same Ogg page as the comment ends."
    return None


def plan(source: Source, container: str, edits: Edits, style: Style) -> list[Patch]:
    """Exchange the comment packet; renumber the pages behind if there are more or fewer."""
    prefix, comment = _comment(source, container)
    packet = _packet(prefix, comment, edited(comment, edits, style), container)
    old = comment_pages(source)
    parsed = [_whole(source, page) for page in old]
    packets = OggPage.to_packets(parsed)
    new = OggPage.from_packets([packet, *packets[1:]], parsed[0].sequence)
    for page in new:
        page.serial = parsed[0].serial
    _finish(new, parsed)
    patches = _replaced(source, old, b"".join(page.write() for page in new))
    if len(new) != len(old):
        patches += _renumbered(source, old[-1], len(new) - len(old))
    elif patches:
        _check_end(source, max((page.end for page in pages_of(source)), default=0))
    return patches


def others(
    source: Source,
    container: str,
    fields: Collection[Field],
    style: Style,  # noqa: ARG001
) -> list[bytes]:
    """Prefix, vendor and entries but the fields, what follows them; pages of other streams."""
    prefix, comment = _comment(source, container)
    digest = hashlib.sha256()
    serial = _serial(source)
    for page in pages_of(source):
        if page.serial != serial:
            digest.update(source.read(page.offset, page.end - page.offset))
    kind = prefix[:1] if container == "ogg-flac" else prefix
    return [kind, *other_entries(comment, fields), comment.rest.rstrip(b"\0"), digest.digest()]


def ranges(source: Source, container: str) -> list[Range]:  # noqa: ARG001
    """The content of the stream's pages without that of the comment packet."""
    serial = _serial(source)
    comment = comment_pages(source)
    first, last = comment[0].offset, comment[-1]
    found: list[Range] = []
    for page in pages_of(source):
        if page.serial != serial or first <= page.offset < last.offset:
            continue
        skipped = first_packet_len(page.lacing) if page.offset == last.offset else 0
        found.append((page.body + skipped, sum(page.lacing) - skipped))
    return found


def packet_lengths(source: Source) -> bytes:
    """A digest of where the packets of the stream end, which its bytes alone do not say."""
    digest, length, index, serial = hashlib.sha256(), 0, 0, _serial(source)
    for page in pages_of(source):
        for value in page.lacing if page.serial == serial else b"":
            length += value
            if value < 255:
                if index != 1:
                    digest.update(length.to_bytes(4, "little"))
                length, index = 0, index + 1
    return digest.digest()


def _serial(source: Source) -> int:
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
    serial, found, total = _serial(source), [], 0
    for page in pages_of(source):
        if page.serial != serial or page.flags & 2:
            continue
        found.append(page)
        total += page.end - page.body
        if any(value < 255 for value in page.lacing):
            return found
        if total > MAX_TAG_LEN:
            break
    raise ValueError("the comment packet has no end")


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
    if not padding.strip(b"\0") and container != "speex":
        old_len = len(render_comment(old))
        new_len = len(render_comment(replace(new, rest=framing)))
        left = old_len - new_len
        new = replace(new, rest=framing + bytes(left if left >= 0 else NEW_PADDING))
    return prefix + render_comment(new)


def first_packet_len(lacing: bytes) -> int:
    """Bytes of a page up to the end of the first packet that ends there."""
    total = 0
    for value in lacing:
        total += value
        if value < 255:
            break
    return total


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
    if all(one.end == two.offset for one, two in pairwise(old)):
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
        patches.append(Patch(page.offset + 18, 8, parsed.write()[18:26]))
    _check_end(source, end)
    return patches


def _check_end(source: Source, end: int) -> None:
    """Behind the pages may lie half a page or a short tag, but no more pages.

    In a lot of other bytes a decoder looks for pages, and what it finds depends on the length.
    """
    if source.size - end > _MAX_BEHIND and source.read(end, 4) != b"OggS":
        raise ValueError(f"the bytes behind its last Ogg page, at {end}, are none")
    tail = b""
    for block in source.blocks(end + 1, source.size):
        if b"OggS" in tail + block:
            raise ValueError(f"there is a hole between Ogg pages at {end}")
        tail = block[-3:]
