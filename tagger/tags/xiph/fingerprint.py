"""What stands for the audio of an Ogg file: few bytes, found without reading every page."""

from collections.abc import Iterable, Iterator

from tagger.tags.base import Range, Source
from tagger.tags.xiph.pages import Page, comment_pages, first_packet_len, pages_of

_LONGEST_PAGE = 27 + 255 + 255 * 255
_NO_POSITION = b"\xff" * 8


def ogg_parts(source: Source, block_len: int) -> Iterator[bytes]:
    """The identification packet, where the audio ends, its first bytes and its last ones.

    Where pages begin has no say, so a file stays the same when its comment grows, and when
    another program cuts the pages anew.

    Args:
        source: the file.
        block_len: how many bytes of the beginning and of the end.

    Raises:
        ValueError: there is no comment, or no page can be found at the end.
    """
    comment = comment_pages(source)
    serial, last = comment[0].serial, comment[-1]
    first = next(page for page in pages_of(source) if page.serial == serial)
    yield source.exact(first.body, first.end - first.body)
    behind = [page for page in _tail(source, last.end, block_len) if page.serial == serial]
    yield _position(source, behind)
    skipped = first_packet_len(last.lacing)
    yield _joined(source, _bodies(source, last, skipped, serial), block_len)
    bodies = [(page.body, page.end - page.body) for page in behind]
    yield _joined(source, bodies, sum(length for _, length in bodies))[-block_len:]


def _bodies(source: Source, last: Page, skipped: int, serial: int) -> Iterator[Range]:
    """What lies behind the comment packet: on its last page, and on all pages after it."""
    yield last.body + skipped, last.end - last.body - skipped
    for page in pages_of(source, last.end):
        if page.serial == serial:
            yield page.body, page.end - page.body


def _joined(source: Source, ranges: Iterable[Range], length: int) -> bytes:
    joined = bytearray()
    for offset, n_bytes in ranges:
        joined += source.read(offset, min(n_bytes, length - len(joined)))
        if len(joined) >= length:
            break
    return bytes(joined)


def _tail(source: Source, behind: int, block_len: int) -> list[Page]:
    """Pages up to the end of the file that hold at least a block, if there are as many."""
    # Two of the longest pages: one of them lies whole in what is read, wherever it begins.
    start = max(behind, source.size - 2 * _LONGEST_PAGE - block_len)
    data = source.read(start, source.size - start)
    at = data.find(b"OggS")
    while at >= 0:
        pages = list(pages_of(source, start + at))
        # By chance the four letters stand in audio too; no page follows there.
        if len(pages) > 1 or (pages and pages[0].end == source.size):
            return pages
        at = data.find(b"OggS", at + 1)
    if start == behind:
        return []
    raise ValueError("no Ogg page was found at its end")


def _position(source: Source, pages: list[Page]) -> bytes:
    """The position of the last page that has one: samples, as the codec counts them."""
    positions = (source.read(page.offset + 6, 8) for page in reversed(pages))
    return next((position for position in positions if position != _NO_POSITION), b"")
