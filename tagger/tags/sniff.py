"""Which container a file is, by what it contains; its name has no say."""

from tagger.tags.base import Source
from tagger.tags.id3.front import id3v2_end
from tagger.tags.registry import FAMILIES

_HEAD_LEN = 64
UNKNOWN = "unknown"


def container_of(source: Source) -> str:
    """The container's name, or 'unknown': the families are asked one by one."""
    start = id3v2_end(source)
    head = source.read(start, _HEAD_LEN)
    # The order of the families counts: MPEG audio has no magic, and is looked for last.
    names = (family.container_of(source, start, head) for family in FAMILIES)
    return next(filter(None, names), UNKNOWN)
