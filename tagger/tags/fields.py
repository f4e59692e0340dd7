"""The fields that can be written, and what each container calls them.

A new field is one line in `FIELDS`. A field that has no line is a free one: its name is used
as it stands wherever a container takes names (TXXX in ID3, `----` in MP4, a name in Vorbis
comments, APEv2 and ASF).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tagger.errors import InputError
from tagger.tags.undecoded import RefusedError, as_stored, shown

DEFAULT_SEPARATOR = "; "
"""Joins several values where the format knows one string only (ID3v2.3)."""

PLACEHOLDERS = (
    "Unknown", "<unknown>", "(unknown)", "[unknown]", "Unknown Genre", "Other", "None",
    "<none>", "No Genre", "Genre", "<genre>", "Undefined", "Unclassified", "Unclassifiable",
    "Unspecified", "Untitled", "Default", "Not Set", "Misc", "Miscellaneous", "Various", "n/a",
    "na", "255", "(255)", "?", "-", "null", "(null)", "(none)", "[none]", "(no genre)",
    "<no genre>", "Genre Unknown", "Not Specified", "General Unclassifiable",
)  # fmt: skip
"""What programs write where they know no genre, 255 being ID3's number for none."""

Id3Version = Literal["keep", 3, 4]


@dataclass(frozen=True, slots=True)
class Field:
    """One field and its spellings.

    Attributes:
        name: as the settings call it.
        id3: frames, with a description behind a colon where they have one. The first that a
            tag has is the field; where there is none, the last that the version knows is made.
        mp4: the atom; None for a `----` atom that is called like `common`.
        common: what Vorbis comments and APEv2 call it, whatever the case.
        asf: the attribute.
        is_text: a text for people: there is one, in which a separator parts several values.
    """

    name: str
    id3: tuple[str, ...]
    mp4: bytes | None
    common: str
    asf: str
    is_text: bool = False


GENRE = Field("genre", ("TCON",), b"\xa9gen", "Genre", "WM/Genre")

FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        GENRE,
        Field(
            "grouping", ("GRP1", "TIT1"), b"\xa9grp", "Grouping", "WM/ContentGroupDescription"
        ),
        Field("comment", ("COMM:",), b"\xa9cmt", "Comment", "Description", is_text=True),
        Field("mood", ("TXXX:MOOD", "TMOO"), None, "Mood", "WM/Mood"),
    )
}

Edits = Mapping[Field, tuple[str, ...]]
"""What fields shall hold; none removes a field."""

_FREE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _.:-]{0,62}[A-Za-z0-9])")
_TAKEN = frozenset(
    # Names that mean something already in at least one container, or in players.
    "abstract album albumartist albumartistsort albumsort artist artists artistsort arranger"
    " author barcode bibliography bitrate bpm catalog catalognumber compilation composer"
    " composersort conductor contact copyright coverart cuesheet date description disc"
    " discnumber discsubtitle disctotal dummy duration encodedby encoder encoding engineer"
    " file filesize index introplay isrc itunnorm itunsmpb itunpgap key initialkey"
    " label language lc length license location lyricist lyrics media"
    " metadatablockpicture mixer movement movementname movementtotal oggs organization"
    " originaldate originalyear performer picture podcast producer publicationright publisher"
    " rating recorddate recordlocation related releasedate remixer script show subtitle tag"
    " title titlesort totaldiscs totaltracks track tracknumber tracktotal vendor version"
    " website work writer year id3 mp+ unsyncedlyrics albumart".split()
)
_TAKEN_PREFIXES = ("acoustid", "musicbrainz", "replaygain", "r128")


@dataclass(frozen=True, slots=True)
class Style:
    """How values are spelled where a container leaves a choice.

    Attributes:
        separator: joins several values in one string.
        id3v2_version: of a tag that is written: as it is (a new one is 2.4), or this one.
        mp4_joined: several genres as one joined MP4 value, for players that show the first.
        wav_info: the genre also as RIFF INFO `IGNR`.
        placeholders: what says no genre; beside nothing else a code (of ID3v1) counts.
    """

    separator: str = DEFAULT_SEPARATOR
    id3v2_version: Id3Version = "keep"
    mp4_joined: bool = False
    wav_info: bool = False
    placeholders: tuple[str, ...] = PLACEHOLDERS

    def version_for(self, version: int) -> int:
        """The ID3v2 version that a tag of another one gets."""
        return version if self.id3v2_version == "keep" else self.id3v2_version


AS_IS = Style()
"""What nobody has asked for anything else."""


def field_named(name: str) -> Field:
    """The field of a name of `FIELDS`, or a free field.

    Raises:
        InputError: the name cannot be one in all containers, or means something already.
    """
    if named := FIELDS.get(name.casefold()):
        return named
    if not _FREE_NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a field: it takes 2 to 64 letters (A to Z),"
            " digits, blanks and the signs _ . : -, with a letter or digit at both ends."
        )
    # Players compare names without blanks and signs: `Album Artist` is `ALBUMARTIST`.
    plain = re.sub(r"[^a-z0-9+]", "", name.casefold())
    if plain in _TAKEN or plain.startswith(_TAKEN_PREFIXES):
        raise InputError(
            f"{name!r} means something else to players; choose a name of your own, or one of"
            f" {', '.join(FIELDS)}."
        )
    return Field(name, (f"TXXX:{name}",), None, name, name)


def kept(values: Iterable[str]) -> tuple[str, ...]:
    """The values that say something; whitespace alone does not."""
    return tuple(value for value in values if value.strip())


def understood(
    texts: Sequence[str], field: Field, style: Style, *, joined: bool = False
) -> tuple[str, ...]:
    """The values that stored strings mean.

    Args:
        texts: the strings as they are stored.
        field: whose they are.
        style: has the separator.
        joined: the container holds one string, in which the separator parts the values.
    """
    return kept(map(shown, _parted(texts, field, style, joined=joined)))


def _parted(texts: Sequence[str], field: Field, style: Style, *, joined: bool) -> Sequence[str]:
    """The strings, cut where the separator parts values."""
    mark = style.separator.strip()
    if not mark or not (joined or field.is_text):
        return texts
    return [part.strip() for text in texts for part in text.split(mark)]


def stored(
    values: Sequence[str],
    field: Field,
    style: Style,
    *,
    joined: bool = False,
    old: Sequence[str] = (),
) -> tuple[str, ...]:
    """The strings to store for values: one each, or all in one.

    Args:
        values: what the field shall hold.
        field: whose they are.
        style: has the separator.
        joined: the container holds one string.
        old: the strings that are stored now. One that only grows keeps its own letters.

    Raises:
        ValueError: a joined string would be read back as other values, or a value stands where
            it cannot be decoded and its bytes are not in `old`.
    """
    if not values or not (joined or field.is_text):
        return tuple(as_stored(values, old))
    parts = understood(old, field, style, joined=True) if len(old) == 1 else ()
    # A joined string that only gets longer keeps its own spelling, separators included.
    if parts and tuple(values[: len(parts)]) == parts and _ends_with_value(old[0], style):
        new = as_stored(values[len(parts) :], ())
        _check_separator(new, style.separator)
        return (style.separator.join([old[0], *new]),)
    values = as_stored(values, _parted(old, field, style, joined=True))
    _check_separator(values, style.separator)
    return (style.separator.join(values),)


def _ends_with_value(text: str, style: Style) -> bool:
    return not text.rstrip().endswith(style.separator.strip() or "\0")


def _check_separator(values: Sequence[str], separator: str) -> None:
    mark = separator.strip()
    for value in values:
        # Blanks at the ends of a value are cut off where a joined string is read.
        if (mark and mark in value) or value != value.strip():
            raise RefusedError(
                f"{shown(value)!r} cannot be told apart in one string that is joined by"
                f" {separator!r}; choose another separator"
            )
    if not mark and len(values) > 1:
        raise RefusedError("a blank separator cannot keep several values apart")
