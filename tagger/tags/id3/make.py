"""New ID3v2 frames of fields, and the tag around them."""

from collections.abc import Sequence

from tagger.tags.base import NEW_PADDING
from tagger.tags.fields import GENRE, Edits, Field, Style, stored
from tagger.tags.id3.genres import spelled_as_before, spelled_in_one
from tagger.tags.id3.text import (
    FrameKey,
    FrameText,
    new_key,
    synchsafe_bytes,
    text_frame,
)

ID3_SEVERAL = "one frame with several values; joined in 2.3"
_MAX_BODY = (1 << 28) - 1


def new_tag(edits: Edits, style: Style, *, padding: int = NEW_PADDING) -> bytes:
    """A new tag that holds nothing but some fields; empty where they have no values."""
    version = style.version_for(4)
    body = b"".join(
        field_frame(new_key(field, version), field, values, style, (), version)
        for field, values in edits.items()
    )
    return tag_bytes(body, version, padding) if body else b""


def field_frame(
    key: FrameKey,
    field: Field,
    values: Sequence[str],
    style: Style,
    old: Sequence[FrameText],
    version: int,
    *,
    plain_sizes: bool = False,
) -> bytes:
    """The frame of a field, in the place of `old` ones; nothing without values."""
    before = [text for frame in old for text in frame.texts if text]
    words = values if field is not GENRE else _words(values, before, style, version)
    texts = stored(words, field, style, joined=version != 4, old=before)
    # Description and language stay: players ask for a comment by them.
    first = old[0] if old else FrameText(())
    frame_text = FrameText(texts, first.description, first.language)
    return text_frame(key, frame_text, version, plain_sizes=plain_sizes)


def _words(
    genres: Sequence[str], old: Sequence[str], style: Style, version: int
) -> Sequence[str]:
    """Genres as the strings that ID3 has for them, the old ones where they mean the same."""
    if version == 4:
        return spelled_as_before(genres, old)
    return spelled_in_one(genres, old, style)


def tag_bytes(body: bytes, version: int, padding: int, flags: int = 0) -> bytes:
    """A tag around its frames and padding."""
    length = len(body) + padding
    if length > _MAX_BODY:
        raise ValueError("the tag would be longer than ID3v2 can hold")
    return b"ID3" + bytes((version, 0, flags)) + synchsafe_bytes(length) + body + bytes(padding)
