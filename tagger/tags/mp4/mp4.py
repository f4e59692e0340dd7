r"""MP4: `moov/udta/meta/ilst` holds the tags, `\xa9gen` the genres, one data atom each.

A field without an atom of its own is a `----` atom with the name inside.

When the atoms grow by more than the `free` atom beside them, everything behind moves, and
with it the absolute chunk offsets in `stco` and `co64`.
Formats: ISO/IEC 14496-12; QuickTime File Format Specification.
"""

import struct
from collections.abc import Collection, Sequence
from functools import cached_property

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
from tagger.tags.fields import GENRE, Edits, Field, Style, kept, stored, understood
from tagger.tags.id3.genres import id3v1_genre
from tagger.tags.mp4.atoms import (
    Atom,
    all_leaves,
    along,
    atom_bytes,
    atom_data,
    atoms_in,
    children,
    find,
    is_filled,
    resized,
)
from tagger.tags.mp4.places import elsewhere, freed
from tagger.tags.mp4.tables import chunks_of, moved, offset_tables
from tagger.tags.places import GenrePlaces, Place
from tagger.tags.undecoded import bytes_of, text_of, wide_text

_NUMBER, _FREE_FORM, _MEAN = b"gnre", b"----", b"com.apple.iTunes"
_UTF8, _UTF16 = 1, 2
_FIRST = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}
"""Kinds of atoms that a file may begin with."""
_Edit = tuple[Sequence[str], Style]
_HANDLER = atom_bytes(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))


class Mp4File(TagFile):
    """The atoms of an MP4 file."""

    @cached_property
    def _path(self) -> list[Atom]:
        """The atoms around iTunes' list and the list itself, as far as they are there."""
        return along(self.source, b"moov", b"udta", b"meta", b"ilst")

    def _items(self, field: Field) -> list[Atom]:
        """The items of a field in that list."""
        return _items_of(self.source, self._path[3], field) if len(self._path) == 4 else []

    def values(self, field: Field) -> tuple[str, ...]:
        """The values of the field's items."""
        texts = _texts(self.source, self._items(field))
        return understood(texts, field, self.style, joined=_is_joined(field, self.style))

    def genre_places(self) -> GenrePlaces:
        """The atom counts first, then free ones, QuickTime's own text, and the number last."""
        items = self._items(GENRE)
        own = _texts(self.source, [atom for atom in items if atom.kind == GENRE.mp4])
        free = _texts(self.source, [atom for atom in items if atom.kind == _FREE_FORM])
        numbers = [atom_data(self.source, child) for atom in items if atom.kind == _NUMBER
                   for child in children(self.source, atom)]  # fmt: skip
        codes = [int.from_bytes(number[8:10], "big") - 1 for number in numbers]
        joined = _is_joined(GENRE, self.style)
        return GenrePlaces(
            (
                Place(understood(own, GENRE, self.style, joined=joined)),
                Place(understood(free, GENRE, self.style, joined=True)),
                *(Place((text,)) for text in kept(text for _, text in elsewhere(self.source))),
                *(Place(id3v1_genre(code), is_code=True) for code in codes),
            ),
            is_as_asked=not (joined and len(kept(own)) > 1),
        )

    def refusal(self) -> str | None:
        """Fragments and other kinds of metadata than iTunes' are left alone."""
        if not self._path:
            return "It has no moov atom: it is cut off, or a fragment of a stream."
        # `mvex` announces fragments that may follow, or are in another file.
        if find(self.source, b"moof") or find(self.source, b"mvex", within=self._path[0]):
            return "It is a fragmented MP4, whose fragments could lose their place."
        if not all(is_filled(self.source, atom) for atom in self._path):
            return "Its tag atoms are damaged: they do not fill the atom around them."
        meta = self._path[2] if len(self._path) > 2 else None
        handler = find(self.source, b"hdlr", within=meta) if meta else None
        if handler and atom_data(self.source, handler)[8:12] not in (b"mdir", bytes(4)):
            return "Its metadata is of another kind than iTunes'."
        return None

    def plan(self, edits: Edits) -> list[Patch]:
        """Exchange the items; use the free atom beside it, or move what is behind."""
        parents, start, end, new = _exchange(self.source, self._path, edits, self.style)
        old = self.source.exact(start, end - start)
        delta = len(new) - len(old)
        patches = rewritten(start, old, new)
        if delta:
            patches += [
                patch for parent in parents for patch in resized(self.source, parent, delta)
            ]
            for table in _tables_of_all(self.source, end):
                patches += moved(self.source, table, end, delta)
        if GENRE in edits:
            patches += [patch for atom, _ in elsewhere(self.source) for patch in freed(atom)]
        return sorted(patches, key=lambda patch: patch.offset)

    def others(self, fields: Collection[Field]) -> list[bytes]:
        """Every leaf atom but the fields, padding, samples and chunk offsets."""
        edited = [atom for field in fields for atom in self._items(field)]
        edited += [atom for atom, _ in elsewhere(self.source)] if GENRE in fields else []
        return [
            kind + content
            for path, atom in all_leaves(self.source)
            if (kind := b"/".join(path))
            and _MOVING.isdisjoint(path)
            and not any(other.offset <= atom.offset < other.end for other in edited)
            and kind not in _SCAFFOLD
            for content in [self.source.digest(atom.content, atom.end - atom.content)]
        ]

    def ranges(self) -> list[Range]:
        """The chunks of all tracks, where the offset tables say that they are.

        A wrong offset therefore shows as other bytes. Neighbours are joined.
        """
        chunks: list[Range] = []
        moov = find(self.source, b"moov")
        for trak in children(self.source, moov) if moov else ():
            if trak.kind != b"trak":
                continue
            stbl = find(self.source, b"mdia", b"minf", b"stbl", within=trak)
            for offset, length in chunks_of(self.source, stbl) if stbl else ():
                if chunks and sum(chunks[-1]) == offset:
                    chunks[-1] = (chunks[-1][0], chunks[-1][1] + length)
                else:
                    chunks.append((offset, length))
        return chunks or [
            (a.content, a.end - a.content) for a in atoms_in(self.source) if a.kind == b"mdat"
        ]


def _recognised(_source: Source, _start: int, head: bytes) -> str | None:
    """The first atom's kind stands behind its length."""
    return "mp4" if head[4:8] in _FIRST else None


FAMILY = Family(
    containers=(
        Container(
            "mp4",
            ".m4a .m4b .m4r .mp4 .alac .f4a .mov .3gp .3g2",
            demuxer="mov,mp4,m4a,3gp,3g2,mj2",
            codecs="aac alac",
            limits="fragmented files are skipped",
        ),
    ),
    open=Mp4File,
    reads=("iTunes atoms", "gnre"),
    writes="iTunes atoms",
    several="several data atoms; joined with mp4_compat",
    recognise=_recognised,
)


def _tables_of_all(source: Source, end: int) -> list[Atom]:
    """The offset tables, one of each track if any audio lies behind the change."""
    tables, moov = offset_tables(source), find(source, b"moov")
    n_tracks = sum(atom.kind == b"trak" for atom in children(source, moov)) if moov else 0
    if len(tables) != n_tracks and any(atom.end > end for atom in atoms_in(source)):
        raise ValueError("not every track says where its audio lies, and it would have to move")
    return tables


_MOVING = frozenset({b"free", b"skip", b"mdat", b"stco", b"co64"})
"""Padding, samples and where these lie."""

_SCAFFOLD = frozenset(
    {b"moov/udta", b"moov/udta/meta", b"moov/udta/meta/ilst", b"moov/udta/meta/hdlr"}
)
"""What may come to be, or to be empty, when a genre is the first or last tag."""


def _text(source: Source, data: Atom) -> str:
    """The text of a data atom: type, locale, text."""
    content = atom_data(source, data)
    is_wide = int.from_bytes(content[:4], "big") & 0xFFFFFF == _UTF16
    return wide_text(content[8:], "utf-16-be") if is_wide else text_of(content[8:])


def _texts(source: Source, items: Sequence[Atom]) -> list[str]:
    """The texts of the data atoms in items."""
    return [
        _text(source, data)
        for item in items
        if item.kind != _NUMBER
        for data in children(source, item)
        if data.kind == b"data"
    ]


def _items_of(source: Source, ilst: Atom, field: Field) -> list[Atom]:
    """The items that are a field."""
    return [atom for atom in children(source, ilst) if _is_of(source, atom, field)]


def _is_of(source: Source, atom: Atom, field: Field) -> bool:
    if atom.kind == field.mp4 or (field is GENRE and atom.kind == _NUMBER):
        return True
    if atom.kind != _FREE_FORM or (field.mp4 is not None and field is not GENRE):
        return False
    parts = {child.kind: atom_data(source, child)[4:] for child in children(source, atom)}
    is_ours = parts.get(b"mean") == _MEAN or field is GENRE  # readers show any genre
    return is_ours and parts.get(b"name", b"").lower() == field.common.lower().encode()


def _is_joined(field: Field, style: Style) -> bool:
    """Whether there is one value by choice, for players that show only the first."""
    return style.mp4_joined and field is GENRE


def _item(source: Source, items: Sequence[Atom], field: Field, edit: _Edit) -> bytes:
    """The new item of a field; nothing where it has no values."""
    values, style = edit
    # Bytes of a free atom would make the whole list of `©gen` unreadable for mutagen.
    old = _texts(source, [atom for atom in items if atom.kind == (field.mp4 or _FREE_FORM)])
    texts = stored(values, field, style, joined=_is_joined(field, style), old=old)
    if not texts:
        return b""
    data = [
        atom_bytes(b"data", struct.pack(">II", _UTF8, 0) + bytes_of(text)) for text in texts
    ]
    if field.mp4 is not None:
        return atom_bytes(field.mp4, b"".join(data))
    mean = atom_bytes(b"mean", bytes(4) + _MEAN)
    name = atom_bytes(b"name", bytes(4) + field.common.encode())
    return atom_bytes(_FREE_FORM, mean + name + b"".join(data))


def _exchange(
    source: Source, path: list[Atom], edits: Edits, style: Style
) -> tuple[list[Atom], int, int, bytes]:
    """The atoms around the change, the range that is replaced, and its new bytes."""
    if len(path) == 4:
        *around, ilst = path
        new = _edited(source, ilst, edits, style)
        return around, *_with_free(source, around[-1], ilst, new)
    inner = path[-1]
    new = b"".join(_item(source, (), field, (v, style)) for field, v in edits.items())
    new = atom_bytes(b"ilst", new) if new else b""
    if len(path) == 3:
        return path, inner.end, inner.end, new
    new = atom_bytes(b"meta", bytes(4) + _HANDLER + new + _free(NEW_PADDING)) if new else b""
    if len(path) == 2:  # at the front of udta, since it may end with a terminator
        return path, inner.content, inner.content, new
    new = atom_bytes(b"udta", new) if new else b""
    return path, inner.end, inner.end, new


def _edited(source: Source, ilst: Atom, edits: Edits, style: Style) -> bytes:
    """The ilst atom with other fields: where the first item stood, or else at the end."""
    items_now = {field: _items_of(source, ilst, field) for field in edits}
    new = {
        field: _item(source, items_now[field], field, (edits[field], style)) for field in edits
    }
    places = {items[0].offset: field for field, items in items_now.items() if items}
    gone = {atom.offset for items in items_now.values() for atom in items}
    parts = []
    for atom in children(source, ilst):
        if atom.offset in places:
            parts.append(new.pop(places[atom.offset]))
        elif atom.offset not in gone:
            parts.append(source.exact(atom.offset, atom.end - atom.offset))
    return atom_bytes(b"ilst", b"".join([*parts, *new.values()]))


def _with_free(source: Source, meta: Atom, ilst: Atom, new: bytes) -> tuple[int, int, bytes]:
    """The new ilst and the free atom behind it, together as long as before if possible."""
    following = next((a for a in children(source, meta) if a.offset == ilst.end), None)
    has_free = following is not None and following.kind in (b"free", b"skip")
    # An atom has at least eight bytes: less room than that cannot be left free.
    end = following.end if following and has_free else ilst.end
    left = end - ilst.offset - len(new)
    if left == 0:
        return ilst.offset, end, new
    return ilst.offset, end, new + _free(left - 8 if left >= 8 else NEW_PADDING)


def _free(length: int) -> bytes:
    return atom_bytes(b"free", bytes(length))
