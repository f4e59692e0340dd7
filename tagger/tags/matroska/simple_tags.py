"""The `Tags` of a Matroska file: each tag says what it is about, and holds names and values.

https://www.matroska.org/technical/tagging.html
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tagger.tags.fields import FIELDS, GENRE, Field, Style, stored
from tagger.tags.matroska.ebml import (
    CRC32,
    VOID,
    content_of,
    element_bytes,
    joined,
    number_bytes,
    number_in,
    parts_of,
)
from tagger.tags.undecoded import UNREADABLE, bytes_of, text_of

TAG = 0x7373
_TARGETS, _TYPE_VALUE = 0x63C0, 0x68CA
_TRACK, _EDITION, _CHAPTER, _ATTACHMENT = 0x63C5, 0x63C9, 0x63C4, 0x63C6
_SIMPLE, _NAME, _STRING, _BINARY = 0x67C8, 0x45A3, 0x4487, 0x4485
_ALBUM = 50
"""The level of what is whole: an album, a concert, or the one recording in a file."""

Part = tuple[int, bytes]
"""An element's id, and all of its bytes."""


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: its elements in order.

    Attributes:
        parts: targets and names with values, among others.
    """

    parts: tuple[Part, ...]

    @property
    def _targets(self) -> list[Part]:
        targets = [raw for number, raw in self.parts if number == _TARGETS]
        return parts_of(content_of(targets[0])) if targets else []

    @property
    def is_of_chapter(self) -> bool:
        """Whether it is about a chapter, an edition or an attachment and not about sound."""
        return self._has_any({_EDITION, _CHAPTER, _ATTACHMENT})

    @property
    def is_of_all(self) -> bool:
        """Whether it is about all that is in the file, and not about a track or a part."""
        levels = [number_in(raw) for number, raw in self._targets if number == _TYPE_VALUE]
        return (levels or [_ALBUM]) == [_ALBUM] and not self._has_any(
            {_TRACK, _EDITION, _CHAPTER, _ATTACHMENT}
        )

    def _has_any(self, numbers: Collection[int]) -> bool:
        """Whether it names one of some kinds of things; the number 0 means all of a kind."""
        return any(number_in(raw) for number, raw in self._targets if number in numbers)

    @property
    def is_empty(self) -> bool:
        """Whether it has no value of any name."""
        return not any(number == _SIMPLE for number, _ in self.parts)

    def says(self, field: Field) -> bool:
        """Whether a field may stand in it: the genre in any but those of chapters."""
        return self.is_of_all or (field is GENRE and not self.is_of_chapter)

    def texts(self, field: Field) -> list[str]:
        """The values of a field, as they are stored."""
        return [
            _text(raw) for number, raw in self.parts if number == _SIMPLE and _is_of(raw, field)
        ]

    def without(self, fields: Collection[Field]) -> "Tag":
        """The tag without some fields, as far as they may stand in it."""
        gone = [field for field in fields if self.says(field)]
        kept = (part for part in self.parts if not _is_any(part, gone))
        return Tag(tuple(kept))

    def exchanged(self, field: Field, values: Sequence[str], style: Style) -> "Tag":
        """The tag with other values: where the first one stood, or else at the end."""
        old = [part for part in self.parts if _is_any(part, [field])]
        at = self.parts.index(old[0]) if old else len(self.parts)
        before, behind = self.parts[:at], self.parts[at:]
        texts = stored(values, field, style, old=self.texts(field))
        new = [_simple(field, text, old) for text in texts]
        return Tag((*before, *new, *(tag for tag in behind if not _is_any(tag, [field]))))


def tags_of(content: bytes) -> list[Part | Tag]:
    """What is in a `Tags` element: tags, and padding or a checksum as they are."""
    return [
        Tag(tuple(parts_of(content_of(raw)))) if number == TAG else (number, raw)
        for number, raw in parts_of(content)
    ]


def tags_content(parts: Sequence[Part | Tag]) -> bytes:
    """The content of a `Tags` element; nothing where no tag is left in it."""
    if not any(isinstance(part, Tag) for part in parts):
        return b""
    return joined([_rendered(part) if isinstance(part, Tag) else part for part in parts])


def new_tag() -> Tag:
    """A tag about all that is in the file, without values."""
    return Tag(((_TARGETS, element_bytes(_TARGETS, number_bytes(_TYPE_VALUE, _ALBUM))),))


def others_in(parts: Sequence[Part | Tag], fields: Collection[Field]) -> list[bytes]:
    """The raw tags without some fields; those that hold nothing else are none."""
    left = (part.without(fields) for part in parts if isinstance(part, Tag))
    return [_rendered(tag)[1] for tag in left if not tag.is_empty]


def _rendered(tag: Tag) -> Part:
    return TAG, element_bytes(TAG, joined(tag.parts))


def _is_any(part: Part, fields: Collection[Field]) -> bool:
    return part[0] == _SIMPLE and any(_is_of(part[1], field) for field in fields)


def _is_of(raw: bytes, field: Field) -> bool:
    names = [content_of(element) for number, element in _inner(raw) if number == _NAME]
    return any(text_of(name.rstrip(b"\0")).casefold() == field.common.casefold()
               for name in names)  # fmt: skip


def _text(raw: bytes) -> str:
    parts = dict(_inner(raw))
    if _STRING in parts:
        return text_of(content_of(parts[_STRING]).split(b"\0")[0])
    return UNREADABLE if _BINARY in parts else ""


def _inner(raw: bytes) -> list[Part]:
    return [part for part in parts_of(content_of(raw)) if part[0] not in (CRC32, VOID)]


def _simple(field: Field, text: str, old: Sequence[Part]) -> Part:
    """A name with a value; one that stands there already keeps its language and all."""
    same = next((tag for tag in old if _text(tag[1]) == text), None)
    if same is not None:
        return same
    # Matroska's own names are in capitals; a free one is the owner's to spell.
    name = field.common.upper() if field.name in FIELDS else field.common
    named = element_bytes(_NAME, name.encode())
    return _SIMPLE, element_bytes(_SIMPLE, named + element_bytes(_STRING, bytes_of(text)))
