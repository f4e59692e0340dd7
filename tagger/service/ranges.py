"""HTTP ranges: which bytes of a file a request asks for."""

import re
from dataclasses import dataclass

from tagger.service.problems import ProblemError

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` up to `end` of `size`; `is_part` if a range was asked for."""

    start: int
    end: int
    size: int
    is_part: bool

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of them."""
        sent = {"Accept-Ranges": "bytes", "Content-Length": str(self.end - self.start)}
        if self.is_part:
            sent["Content-Range"] = f"bytes {self.start}-{self.end - 1}/{self.size}"
        return sent


def span_of(header: str | None, size: int, *, is_current: bool = True) -> Span:
    """The bytes that a `Range` asks for; all of them without one that we understand.

    Several ranges at once are answered with everything, as RFC 9110 allows.

    Args:
        header: of the request.
        size: of the file.
        is_current: False if `If-Range` names another version of it.

    Raises:
        ProblemError: the range lies behind the end.
    """
    asked = _RANGE.fullmatch(header.strip()) if header and is_current else None
    if asked is None or asked[0] == "bytes=-":
        return Span(0, size, size, is_part=False)
    first, last = asked[1], asked[2]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= size or (last and first and int(last) < start) or start >= end:
        raise ProblemError(
            416,
            "range",
            "There are no such bytes",
            detail=f"The file has {size} bytes; {header} asks for others.",
            remedy="Ask for a range in it.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return Span(start, end, size, is_part=True)
