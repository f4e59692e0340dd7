"""What is not known -> found out and recorded: files are opened, recognised or heard."""

from dataclasses import dataclass, replace
from pathlib import Path

from tagger.errors import DecodeError, TagError, TrackError
from tagger.library.walk import Entry, entry_of
from tagger.scan.lookup import LookupContext, heard_before, tags_to_text
from tagger.scan.records import Intake, TrackScores
from tagger.scan.scan import Found, found_of, wants_scores
from tagger.state.records import Result
from tagger.state.scan_cache import Memory
from tagger.tags import read_tags
from tagger.tags.fingerprint import content_of


@dataclass(frozen=True, slots=True)
class _Seen(Found):
    """What a file was found to be, and what is to be remembered of it."""

    entry: Entry | None = None
    content: bytes | None = None
    is_new: bool = False  # nothing was heard of it before


def look(path: Path, desk: LookupContext) -> Intake:
    """Open a file for its tags, and see whether its audio has been heard before."""
    entry, options = entry_now(path), desk.options
    try:
        tags = read_tags(path, style=options.writing.style, fields=options.targets.names)
        found = found_of(path, tags, options)
    except TagError as error:
        seen = _Seen((), None, entry=entry)
        return Intake(False, heard=TrackScores(path, note=seen, error=error))
    seen = _Seen(found.genres, found.left_alone, found.second, tags, entry)
    if not wants_scores(found, options):
        return Intake(False, note=seen)
    seen = replace(seen, content=_content(path))
    if seen.content and not desk.recall.rescan and not options.listen.keep_windows:
        result = desk.memory.result(seen.content)
        if result is not None:
            return Intake(False, heard=heard_before(path, seen, result))
    return Intake(True, note=replace(seen, is_new=True))


def remember(heard: TrackScores, memory: Memory) -> None:
    """Record what was found out about a file, if it is still the one that was opened."""
    seen, path, error = heard.note, heard.path, heard.error
    if not isinstance(seen, _Seen) or seen.entry is None or seen.entry != entry_now(path):
        return
    if error is not None and not _is_lasting(path, error):
        return
    memory.record_file(
        path.parent,
        seen.entry,
        container=None if seen.tags is None else seen.tags.container,
        tags=tags_to_text(seen.tags),
        unwritable=None if seen.tags is None else seen.tags.unwritable,
        content=seen.content,
        error=None if error is None else str(error).removeprefix(f"{path}: "),
    )
    if seen.is_new and seen.content and error is None:
        scores = None if heard.scores is None else heard.scores.tobytes()
        result = Result(scores, heard.n_windows, heard.n_silent, heard.duration_s)
        memory.record_result(seen.content, result)


def entry_now(path: Path) -> Entry | None:
    """What a listing would say of a file now; None if it is no file."""
    try:
        entry = entry_of(path.name, path.stat())
    except OSError:
        return None
    return entry if entry[1] >= 0 else None


def _content(path: Path) -> bytes | None:
    """The digest of the audio; without one, the track is heard and not remembered."""
    try:
        return content_of(path)
    except TagError:
        return None


def _is_lasting(path: Path, error: TrackError) -> bool:
    """Whether it is the file that is to blame, not its disk, share or permissions, nor us."""
    if not isinstance(error, DecodeError | TagError):
        return False
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True
