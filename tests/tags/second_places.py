"""Files whose genre stands in a second place, or in several."""

import struct
from collections.abc import Callable
from pathlib import Path

import mutagen
from mutagen.mp4 import MP4, MP4FreeForm

from tagger.genres.rules import GenreRules, merged
from tagger.tags import read_tags
from tagger.tags.ape.items import new_items
from tagger.tags.base import open_source
from tagger.tags.fields import AS_IS, GENRE
from tagger.tags.payload import payload_hash
from tagger.writing.filecopy import copy_patched
from tagger.writing.safe_write import write_genres
from tests.prepared import prepare
from tests.tags.readers import other_tags
from tests.tags.test_id3 import frame, tag
from tests.tags.test_riff import with_list

OLD = "Jazz"
ID3V1 = b"TAG" + b"A title".ljust(124, b"\0") + bytes([8])
EXTENDED = b"TAG+" + b"A".ljust(181, b"\0") + b"Jazz".ljust(30, b"\0") + bytes(12)
TITLED = tag(frame(b"TIT2", b"\3A title"), frame(b"TPE1", b"\3Me"))
GENRED = tag(frame(b"TALB", b"\3An album"), frame(b"TCON", b"\3Jazz"))
GENRED_23 = tag(frame(b"TALB", b"\0An album", 3), frame(b"TCON", b"\0(8)", 3), version=3)
GENRED_22 = tag(b"TAL\0\0\x05\0An a" + b"TCO\0\0\x05\0Jazz", version=2)
APE_ITEMS = new_items({GENRE: (OLD,)}, AS_IS)


def front(*tags: bytes) -> Callable[[Path], None]:
    """Tags in front of the stream."""
    return lambda path: _saved(path, b"".join(tags) + path.read_bytes())


def behind(*tags: bytes) -> Callable[[Path], None]:
    """Tags behind it."""
    return lambda path: _saved(path, path.read_bytes() + b"".join(tags))


def both(one: Callable[[Path], None], other: Callable[[Path], None]) -> Callable[[Path], None]:
    """Two changes."""

    def change(path: Path) -> None:
        one(path)
        other(path)

    return change


def _saved(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def footed(data: bytes) -> bytes:
    """The tag with a footer, as it stands at the end of a file."""
    head = data[:5] + b"\x10" + data[6:10]
    return head + data[10:] + b"3DI" + head[3:]


def chunk(*tags: bytes, name: bytes = b"id3 ") -> Callable[[Path], None]:
    """Tags in a new chunk of a form."""

    def change(path: Path) -> None:
        body, order = b"".join(tags), ">I" if name == b"ID3 " else "<I"
        body += bytes(len(body) % 2)
        data = path.read_bytes() + name + struct.pack(order, len(body)) + body
        size = struct.pack(order, len(data) - 8)
        if data[:4] == b"RF64":
            data = data[:20] + struct.pack("<Q", len(data) - 8) + data[28:]
            size = data[4:8]
        path.write_bytes(data[:4] + size + data[8:])

    return change


def info(*genres: bytes) -> Callable[[Path], None]:
    """INFO lists, one for each genre."""

    def change(path: Path) -> None:
        for genre in genres:
            with_list(path, (b"IART", b"Me\0"), (b"IGNR", genre + b"\0"))

    return change


def _in_small_letters(path: Path) -> None:
    _saved(path, path.read_bytes().replace(b"LIST", b"list"))


def dsf_tags(*tags: bytes) -> Callable[[Path], None]:
    """Tags at the end of a DSF, to which the header points."""

    def change(path: Path) -> None:
        data = path.read_bytes()
        end = len(data) + sum(map(len, tags))
        head = struct.pack("<QQ", end, len(data))
        path.write_bytes(data[:12] + head + data[28:] + b"".join(tags))

    return change


def atom(kind: bytes, content: bytes) -> bytes:
    """One MP4 atom."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


QUICKTIME = atom(b"\xa9gen", b"\0\x04\x55\xc4Jazz")
ASSET = atom(b"gnre", bytes(4) + b"\x15\xc7Jazz\0")
KEYS = atom(b"keys", struct.pack(">II", 0, 1) + atom(b"mdta", b"com.apple.quicktime.genre"))
LISTED = atom(b"ilst", atom(b"\0\0\0\1", atom(b"data", struct.pack(">II", 1, 0) + b"Jazz")))
KEYED = atom(
    b"meta",
    bytes(4) + atom(b"hdlr", bytes(8) + b"mdta" + bytes(13)) + KEYS + LISTED,
)


def in_moov(data: bytes, *parents: bytes) -> Callable[[Path], None]:
    """An atom at the end of moov, or of an atom in it; moov stands behind the samples."""

    def change(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        at, end = 0, len(raw)
        new = data
        for depth, kind in enumerate((b"moov", *parents)):
            found = _child(raw, kind, at, end)
            if found is None:
                for missing in reversed((b"moov", *parents)[depth:]):
                    new = atom(missing, new)
                break
            at, end = found[0] + 8, found[1]
        raw[end:end] = new
        at, last = 0, len(raw)
        for kind in (b"moov", *parents):
            found = _child(raw, kind, at, last)
            if found is None or found[0] >= end or found[1] < end:
                break
            length = struct.unpack(">I", raw[found[0] : found[0] + 4])[0] + len(new)
            raw[found[0] : found[0] + 4] = struct.pack(">I", length)
            at, last = found[0] + 8, found[1] + len(new)
        path.write_bytes(raw)

    return change


def _child(raw: bytes, kind: bytes, at: int, end: int) -> tuple[int, int] | None:
    while at + 8 <= end:
        length = struct.unpack(">I", raw[at : at + 4])[0]
        if raw[at + 4 : at + 8] == kind:
            return at, at + length
        at += length
    return None


def free_form(mean: str) -> Callable[[Path], None]:
    """A freeform atom called GENRE."""

    def change(path: Path) -> None:
        opened = MP4(path)
        opened[f"----:{mean}:GENRE"] = [MP4FreeForm(OLD.encode())]
        opened.save()

    return change


def gnre(path: Path) -> None:
    """ITunes' number, which is ID3v1's plus one."""
    opened = MP4(path)
    opened["\xa9wrt"] = ["xx"]
    opened.save()
    data = path.read_bytes()
    number = atom(b"gnre", atom(b"data", struct.pack(">IIH", 0, 0, 9)))
    at = data.index(b"\xa9wrt") - 4
    assert data[at : at + 4] == number[:4]
    path.write_bytes(data[:at] + number + data[at + len(number) :])


def twice(kind: bytes) -> Callable[[Path], None]:
    """An atom on the way to iTunes' list, which has a genre, once more behind itself."""

    def change(path: Path) -> None:
        opened = MP4(path)
        opened["\xa9nam"], opened["\xa9gen"] = ["A title"], [OLD]
        opened.save()
        path_to = (b"moov", b"udta", b"meta", b"ilst")
        raw = bytearray(path.read_bytes())
        starts = [raw.index(name) - 4 for name in path_to]
        depth = path_to.index(kind)
        length = int.from_bytes(raw[starts[depth] : starts[depth] + 4], "big")
        raw[starts[depth] + length : starts[depth] + length] = raw[
            starts[depth] : starts[depth] + length
        ]
        for start in starts[:depth]:
            grown = int.from_bytes(raw[start : start + 4], "big") + length
            raw[start : start + 4] = grown.to_bytes(4, "big")
        path.write_bytes(raw)

    return change


def attribute(**names: object) -> Callable[[Path], None]:
    """ASF attributes; an underscore stands for the slash."""

    def change(path: Path) -> None:
        opened = mutagen.File(path)
        for name, value in names.items():
            opened.tags[name.replace("_", "/")] = value
        opened.save()

    return change


def second_block(path: Path) -> None:
    """A second comment block in a FLAC."""
    entries = [b"GENRE=Jazz", b"MOOD=calm"]
    body = struct.pack("<I", 1) + b"x" + struct.pack("<I", len(entries))
    body += b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
    data = path.read_bytes()
    at = 4 + 4 + int.from_bytes(data[5:8], "big")
    path.write_bytes(data[:at] + b"\4" + len(body).to_bytes(3, "big") + body + data[at:])


TXXX = tag(frame(b"TIT2", b"\3A title"), frame(b"TXXX", b"\3Genre\0Jazz"))
TXXX_23 = tag(frame(b"TXXX", b"\0GENRE\0Jazz", 3), version=3)
MPEG_PLACES = {
    "id3v1": behind(ID3V1),
    "id3v1 with extension": behind(EXTENDED, ID3V1),
    "id3v1 beside id3v2": both(front(TITLED), behind(ID3V1)),
    "apev2": behind(APE_ITEMS),
    "apev2 beside id3v2": both(front(TITLED), behind(APE_ITEMS)),
    "two apev2": both(front(TITLED), behind(APE_ITEMS, APE_ITEMS)),
    "apev2 and id3v1": behind(APE_ITEMS, ID3V1),
    "second id3v2": front(TITLED, GENRED),
    "second id3v2.3": front(TITLED, GENRED_23),
    "second id3v2.2": front(TITLED, GENRED_22),
    "three id3v2": front(TITLED, GENRED_23, GENRED),
    "id3v2 behind zeros": front(TITLED, bytes(3000), GENRED),
    "two behind zeros": front(TITLED, bytes(1), GENRED_23, bytes(10_000), GENRED),
    "id3v2 behind": both(front(TITLED), behind(footed(GENRED))),
    "free frame": front(TXXX),
    "free frame in 2.3": front(TXXX_23),
}
WAV_PLACES = {
    "info": info(b"Jazz"),
    "info in small letters": both(info(b"Jazz"), _in_small_letters),
    "two infos": info(b"Jazz", b"Jazz"),
    "info beside id3": both(chunk(TITLED), info(b"Jazz")),
    "id3 beside info": both(info(b"Jazz"), chunk(GENRED_23)),
    "second chunk": both(chunk(TITLED), chunk(GENRED)),
    "two tags in a chunk": chunk(TITLED, GENRED),
}
FORM_PLACES = {
    "second chunk": both(chunk(TITLED, name=b"ID3 "), chunk(GENRED, name=b"ID3 ")),
    "two tags in a chunk": chunk(TITLED, GENRED, name=b"ID3 "),
}
APE_PLACES = {
    "id3v1": behind(ID3V1),
    "id3v2 in front": front(GENRED),
    "two apev2": behind(APE_ITEMS, APE_ITEMS),
    "all": both(front(GENRED_23), behind(APE_ITEMS, ID3V1)),
}
PLACES = {
    "mp3": MPEG_PLACES,
    "tta": {
        name: MPEG_PLACES[name] for name in ("id3v1", "apev2 beside id3v2", "second id3v2")
    },
    "aac-id3": {"second id3v2": front(TITLED, GENRED)},
    "wav": WAV_PLACES,
    "rf64": {"second chunk": both(chunk(TITLED), chunk(GENRED))},
    "aiff": FORM_PLACES,
    "dsf": {"two tags": dsf_tags(TITLED, GENRED), "free frame": dsf_tags(TXXX)},
    "wavpack": APE_PLACES,
    "ape": APE_PLACES,
    "flac": {
        "id3v2 in front": front(GENRED),
        "two id3v2 in front": front(TITLED, GENRED_23),
        "id3v2.2 in front": front(GENRED_22),
        "id3v1": behind(ID3V1),
        "apev2": behind(APE_ITEMS),
        "second block": second_block,
    },
    "m4a-aac": {
        "freeform": free_form("com.apple.iTunes"),
        "freeform of others": free_form("org.example"),
        "gnre": gnre,
        "quicktime": in_moov(QUICKTIME, b"udta"),
        "3gpp": in_moov(ASSET, b"udta"),
        "track": in_moov(QUICKTIME, b"trak", b"udta"),
        "keys": in_moov(KEYED),
        "second list": twice(b"ilst"),
        "second meta": twice(b"meta"),
        "second user data": twice(b"udta"),
    },
    "wma": {
        "number": attribute(WM_GenreID="(8)"),
        "plain name": attribute(Genre=OLD),
        "two": attribute(WM_Genre=OLD, WM_GenreID="8"),
    },
}


def policed(path: Path, policy: str, *predicted: str) -> tuple[str, ...]:
    """What a scan would write."""
    return merged(read_tags(path).genres, predicted, GenreRules(), policy=policy)


def written(path: Path, genres: tuple[str, ...]) -> tuple[str, ...]:
    """Write; check that all else stays, that it is done once, and that it can be taken back."""
    container = read_tags(path).container
    before, others = path.read_bytes(), other_tags(path)
    payload = payload_hash(path, container)
    with prepare(path, genres) as prepared:
        prepared.commit()
    info_now = read_tags(path)
    assert (info_now.genres, info_now.is_consistent) == (genres, True)
    assert payload_hash(path, container) == payload
    other_places = ("genre", "genreid", "gnre")
    left = {
        key: other for key, other in others.items() if not key.lower().endswith(other_places)
    }
    assert left.items() <= other_tags(path).items()
    assert not write_genres(path, genres)
    back = path.with_name("back")
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before
    back.unlink()
    return genres
