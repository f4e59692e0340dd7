"""Objects with music in them, in each kind of store, and what writes to them."""

import contextlib
import functools
import itertools
import tempfile
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.store import MemoryStore

from tagger.cluster import write
from tagger.cluster.conditional import open_replaceable
from tagger.cluster.journal import ObjectJournal, begin_run, changes_of, run_named
from tagger.cluster.journal_parts import JournalParts, open_parts
from tagger.cluster.records import ObjectEntry
from tagger.cluster.replaceable import Replaceable
from tagger.cluster.stores import Place, open_place
from tagger.cluster.undo import undo_objects
from tagger.cluster.write import ObjectWriteOptions, ObjectWriter
from tagger.journal.run import WriteRequest
from tagger.tags import read_tags
from tests.synth_audio import make_audio

GENRES = ["Drum & Bass", "Électro"]
METADATA = {"Content-Type": "audio/x-own", "Cache-Control": "max-age=7", "artist-id": "42"}

_numbers = itertools.count(1)


@dataclass
class Shelf:
    """A place with objects, and a folder for results."""

    place: Place
    parts: JournalParts
    folder: Path
    target: Replaceable = field(init=False)

    def __post_init__(self):
        self.target = open_replaceable(self.place)

    @property
    def is_folder(self):
        return self.place.folder is not None

    def add(self, name="a.mp3", kind="mp3", *, data=None, attributes=METADATA):
        """Store an object; returns its entry in a listing."""
        if data is None:
            data = audio_of(kind)
        key = self.place.key(name)
        if self.is_folder:
            (self.place.folder / key).parent.mkdir(parents=True, exist_ok=True)
            (self.place.folder / key).write_bytes(data)
        else:
            obstore.put(self.place.store, key, data, attributes=attributes)
        return self.entry(key)

    def entry(self, key):
        now = self.target.version(key)
        return ObjectEntry(key, now.size, now.etag, datetime.now(UTC))

    def bytes_of(self, key):
        return bytes(obstore.get(self.place.store, key).bytes())

    def genres_of(self, key):
        path = self.folder / f"look{Path(key).suffix}"
        path.write_bytes(self.bytes_of(key))
        return read_tags(path).genres

    def attributes_of(self, key):
        return obstore.get(self.place.store, key).attributes

    @contextlib.contextmanager
    def writer(self, run=None, batch="0", **options):
        """A writer of a new run, or of one that is there."""
        run = run or begin_run(self.parts, "scan", self.place, number=next(_numbers))
        journal = ObjectJournal(self.parts, run.id, batch)
        yield ObjectWriter(self.target, journal, ObjectWriteOptions(**options))
        journal.close()

    def write(self, *entries, genres=GENRES, **options):
        """Write genres to objects; returns the outcomes."""
        with self.writer(**options) as writer:
            return list(
                writer.write((entry, request(genres), f"row {entry.key}") for entry in entries)
            )

    def changes(self):
        return list(changes_of(self.parts, run_named(self.parts, None).id))

    def undo(self, run=None, **options):
        return list(undo_objects(self.parts, run_named(self.parts, run), **options))


@functools.cache
def audio_of(kind):
    """A short tone in a container."""
    with tempfile.TemporaryDirectory() as folder:
        return make_audio(Path(folder), kind).read_bytes()


def request(genres=GENRES):
    return WriteRequest(Path("no-matter"), genres)


def s3_shelf(url, folder, *, results=None):
    """A shelf below a prefix of its own in an S3 server."""
    base, _, query = url.partition("?")
    prefix = f"{base}/{uuid.uuid4().hex[:8]}"
    (folder / "results").mkdir(exist_ok=True)
    place = open_place(f"{prefix}/musik ü?{query}", option="test")
    return Shelf(place, open_parts(results or str(folder / "results")), folder)


def folder_shelf(folder):
    for name in ("music", "results"):
        (folder / name).mkdir()
    place = open_place(str(folder / "music"), option="test")
    return Shelf(place, open_parts(str(folder / "results")), folder)


def memory_shelf(folder):
    """As Google's and Azure's stores are asked: by obstore, on a condition."""
    (folder / "results").mkdir()
    place = Place("memory://shelf", MemoryStore(), "musik", None)
    return Shelf(place, open_parts(str(folder / "results")), folder)


def bucket_of(place):
    return urlsplit(place.url).netloc


def changed_before_the_put(monkeypatch, change):
    """Somebody changes an object when its change is recorded and not yet made."""
    record = write.ObjectWriter._record

    def changed_meanwhile(self, steps):
        record(self, steps)
        change()

    monkeypatch.setattr(write.ObjectWriter, "_record", changed_meanwhile)
