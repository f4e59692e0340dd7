"""Whether decoders still find the first frame behind zeros or junk, once a tag has changed.

FFmpeg looks at the first mebibyte of a file, or of what follows a tag that is longer than that,
and believes in frames that are a tenth of it (zeros do not count): measured, behind text, up to
943,750 bytes, behind zeros up to 1,046,093. Both limits are kept with room.
"""

from collections.abc import Sequence

from tagger.tags.base import Patch, Source
from tagger.tags.edges import edges_of
from tagger.tags.id3.front import id3v2_tags
from tagger.tags.undecoded import RefusedError

_LONG_TAG = 1 << 20
_REACH, _REACH_OF_FEW, _FEW = 900_000, _LONG_TAG - 4096, 20_000
"""Bytes up to the first frame; and where so few of them stand behind the tag."""
_REACH_OF_ZEROS = _LONG_TAG - 16_384
"""The same where all of them are zeros: room for the frames that FFmpeg wants to see."""
_SHARE = 8
"""Bytes before the first frame for each one behind it."""


def check_reach(source: Source, first: int | None, patches: Sequence[Patch]) -> None:
    """Refuse a change of the tags in front that may hide the audio behind what follows them.

    Args:
        source: the file.
        first: where its first frame stands; None if it has none.
        patches: the change.

    Raises:
        RefusedError: the frames would move too far from where they are looked for.
    """
    end = _end_for_decoders(source)
    moved = sum(
        len(patch.data) - patch.length for patch in patches if patch.offset < (first or 0)
    )
    # Nothing stands between tag and audio, or nothing moves: as it was before.
    if first is None or first == end or not moved:
        return
    tag_end = end + sum(
        len(patch.data) - patch.length for patch in patches if patch.offset <= end
    )
    # Behind a tag of more than a mebibyte FFmpeg begins to count anew.
    looked_at = first + moved - (tag_end if tag_end > _LONG_TAG else 0)
    if looked_at > _reach(source, end, first):
        raise RefusedError(
            f"{first - end} bytes that are no audio stand before its first frame, and a tag of"
            " another length would move it to where decoders do not look"
        )


def _end_for_decoders(source: Source) -> int:
    """Where the tags in front end; one behind zeros is junk to them."""
    end = 0
    for offset, length in id3v2_tags(source):
        if offset != end:
            break
        end = offset + length
    return end


def _reach(source: Source, end: int, first: int) -> int:
    """How far from the start of a file its first frame may stand.

    Args:
        source: the file.
        end: where its tags in front end.
        first: where its first frame stands.
    """
    if first - end < _FEW:
        return _REACH_OF_FEW
    stream_len = edges_of(source).end - first  # tags behind are no frames
    if stream_len >= _FEW and not source.read(end, first - end).strip(b"\0"):
        return _REACH_OF_ZEROS
    return min(_REACH, _SHARE * stream_len)
