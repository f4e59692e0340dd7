"""Where the audio of a file ends, before the tags behind it: no decoder sees those.

To libmpg123 the tags behind an mp3 are minutes of music, and FFmpeg divides the size of a DSD
file, tag and all, by its bitrate: another tag would move the windows, or choose another
decoder. The end is that of the payload, which no write of tags changes.
"""

import os
from pathlib import Path

from tagger.errors import TagError

_TAIL_BYTES = 128  # each kind of tag that can be last has its mark in them
_MARKS = (b"TAG", b"LYRICS", b"3DI")
_BETWEEN_TAGS = {"mp3", "aac", "tta", "ape", "wavpack", "musepack", "tak"}
_APE_FOOTER_LEN, _APE_HAS_HEADER = 32, 0x80


def find_end(path: Path, descriptor: int) -> int | None:
    """Return where the audio ends, in bytes; None where no tag stands behind it.

    Args:
        path: the file.
        descriptor: the same, open.
    """
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)  # os.pread does not exist on Windows
    head = os.read(descriptor, 4)
    os.lseek(descriptor, max(0, size - _TAIL_BYTES), os.SEEK_SET)
    tail = os.read(descriptor, _TAIL_BYTES)
    if head not in (b"DSD ", b"FRM8") and not any(mark in tail for mark in _MARKS):
        return None
    end = _end_of_payload(path)
    return end if end is not None and len(head) < end < size else None


def ends_plainly(descriptor: int, end: int) -> bool:
    """Tell whether libmpg123 sees where an mp3 ends: ID3v1 alone is behind."""
    os.lseek(descriptor, end, os.SEEK_SET)
    behind = os.read(descriptor, 129)
    return len(behind) == 128 and behind[:3] == b"TAG"


def _end_of_payload(path: Path) -> int | None:
    """Return the end of the payload; None where it is not known, or the tag there is none.

    A place that lies (a damaged pointer or length) is no reason to hear less.
    """
    # 0.03 s that most files do not need:
    from tagger.tags.base import open_source  # noqa: PLC0415
    from tagger.tags.edges import edges_of  # noqa: PLC0415
    from tagger.tags.payload import ranges_of  # noqa: PLC0415
    from tagger.tags.registry import translated  # noqa: PLC0415
    from tagger.tags.sniff import container_of  # noqa: PLC0415

    try:
        with translated(path, TagError, "its end cannot be found"), open_source(path) as source:
            container = container_of(source)
            if container in ("dsf", "dff"):
                end = max(map(sum, ranges_of(source, container)))
                is_tag = container == "dff" or source.read(end, 3) == b"ID3"
                return end if is_tag else None
            if container not in _BETWEEN_TAGS:
                return None
            edges = edges_of(source)
            if edges.behind and edges.behind[-1][0] == "ape":
                behind = sum(edges.behind[-1][1])
                flags = source.exact(behind - _APE_FOOTER_LEN, 24)[23]
                if flags & _APE_HAS_HEADER and source.read(edges.end, 8) != b"APETAGEX":
                    return behind
            return edges.end
    except TagError:
        return None
