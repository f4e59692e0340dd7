"""The main job: files in, a result for each out, genres written if asked for."""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from tagger.errors import ChangedError, UnsupportedTagError
from tagger.genres.choose import Policy, choose_genres, told_scores, why_nothing
from tagger.genres.rules import GenreRules, chosen_names, merged
from tagger.genres.spelling import Spelling
from tagger.genres.target_fields import GENRE, SecondField, Targets, asked_of, second_of
from tagger.journal.background import written_beside
from tagger.journal.run import Outcome, Writer, WriteRequest, write_unrecorded
from tagger.model.lazy import Scorer
from tagger.scan.records import Intake, ListenOptions, TrackScores
from tagger.scan.timeline import Timeline, timeline_of
from tagger.tags import TagInfo, read_tags
from tagger.writing.safe_write import WriteOptions, why_skipped

Status = Literal["proposed", "written", "unchanged", "kept", "abstained", "skipped", "failed"]
STATUSES: tuple[Status, ...] = (
    "proposed", "written", "unchanged", "kept", "abstained", "skipped", "failed"
)  # fmt: skip

T = TypeVar("T")

_HELD = "it holds these genres already"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """What a scan does with what it hears.

    Attributes:
        write: change files; otherwise only say what would be written.
        policy: what happens to a genre that is there already.
        top: the most genres a track gets.
        threshold: one threshold for all labels instead of the model's own.
        score_all: listen also to tracks that `fill` will keep as they are.
        rules: what the owner wants genres to be called, and which are written.
        listen: how tracks are listened to.
        writing: how files are changed.
        targets: which fields are written.
        spelling: how the library spells genres; None for what the model and the owner say.
    """

    write: bool = False
    policy: Policy = "fill"
    top: int = 3
    threshold: float | None = None
    score_all: bool = False
    rules: GenreRules = field(default_factory=GenreRules)
    listen: ListenOptions = field(default_factory=ListenOptions)
    writing: WriteOptions = field(default_factory=WriteOptions)
    targets: Targets = field(default_factory=Targets)
    spelling: Spelling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """What a scan has to say of one file; the fields are those of `--json`.

    Attributes:
        path: the file.
        status: what was, or would be, done.
        genres: what the file holds, or would hold, afterwards in `field`.
        previous: what it holds there now.
        scores: genre to score, best first; None if the track was not analysed.
        duration_s: length of the track; None if it was not decoded.
        reason: None, or a sentence.
        timeline: the scores of each window, if the pipeline was told to keep them; not a
            field of `--json`.
        field: the tag that is written; 'genre' for most people.
        second: another field that is written, if the settings name one.
        others: the scores of the model's labels of other kinds (moods, voices, instruments),
            by kind; None if it has none, or the track was not analysed.
        read: what the file said, if it is to be written; not a field of `--json`.
        is_stale: it was not written since another program had changed it; likewise.
    """

    path: Path
    status: Status
    genres: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    scores: dict[str, float] | None = None
    duration_s: float | None = None
    reason: str | None = None
    timeline: Timeline | None = None
    field: str = GENRE
    second: SecondField | None = None
    others: dict[str, dict[str, float]] | None = None
    read: TagInfo | None = None
    is_stale: bool = False


def scan(
    paths: Iterable[Path],
    engine: Scorer,
    options: ScanOptions,
    *,
    stop: threading.Event | None = None,
    writer: Writer = write_unrecorded,
) -> Generator[TrackResult, None, None]:
    """Listen to files, decide their genres, and write them if that was asked for.

    Args:
        paths: the files, taken as they are needed.
        engine: the model.
        options: what to do with what is heard.
        stop: once set, the file that is being written is finished and reported, and the
            generator ends; all other files are left as they are.
        writer: what changes files, if that was asked for; a `JournalledRun` has one whose
            changes can be undone.

    Yields:
        One result a file, as soon as it is done; never an exception for a single file.
    """
    from tagger.scan.pipeline import analyse  # noqa: PLC0415 - brings NumPy and the decoders

    stop = stop or threading.Event()
    heard = analyse(paths, engine, options.listen, intake=_intake(options), stop=stop)
    decided = (decide(one, engine, options) for one in heard)
    yield from (write_all(decided, options, stop, writer) if options.write else decided)


@dataclass(frozen=True, slots=True)
class Found:
    """What a file was found to be before it was listened to.

    Attributes:
        genres: the values of the field that is written.
        left_alone: why it will not be written on purpose, or None; not asked of a file that is
            kept, since that is one more question to the disk.
        second: the second field, if there is one.
        tags: all that was read; None if that failed.
    """

    genres: tuple[str, ...]
    left_alone: str | None
    second: SecondField | None = None
    tags: TagInfo | None = None

    def is_kept(self, options: ScanOptions) -> bool:
        """Whether nothing that is heard would be written."""
        told = (self.genres, self.second.previous if self.second else self.genres)
        return options.policy == "fill" and not any(map(options.rules.say_nothing, told))

    def is_settled(self, options: ScanOptions) -> bool:
        """Whether nothing is to be done where the values stay: `fill` asks for no more."""
        is_asked = options.targets.field == GENRE and options.policy != "fill"
        return not is_asked or self.tags is None or self.tags.is_settled


def found_of(path: Path, tags: TagInfo, options: ScanOptions, *, n_names: int = 0) -> Found:
    """What counts of a file's tags; `n_names` as for `why_skipped`."""
    genres = tags.values(options.targets.field)
    found = Found(genres, None, second_of(tags, options.targets.second_field), tags)
    if found.is_kept(options):
        return found
    return replace(found, left_alone=why_skipped(path, tags, options.writing, n_names=n_names))


def wants_scores(found: Found, options: ScanOptions) -> bool:
    """Whether a file is to be listened to."""
    return options.score_all or not found.is_kept(options)


def _intake(options: ScanOptions) -> Callable[[Path], Intake]:
    def look(path: Path) -> Intake:
        names = options.targets.names
        tags = read_tags(path, style=options.writing.style, fields=names)
        found = found_of(path, tags, options)
        return Intake(listen=wants_scores(found, options), note=found)

    return look


def decide(heard: TrackScores, engine: Scorer, options: ScanOptions) -> TrackResult:
    """Decide what becomes of one track; a track that is to be written is `proposed`."""
    found: Found | None = heard.note
    previous = found.genres if found else ()
    scores, of_other_kinds = told_scores(heard.scores, engine.spec)

    def result(
        status: Status,
        reason: str | None,
        genres: tuple[str, ...] = previous,
        second: SecondField | None = found.second if found else None,
    ) -> TrackResult:
        return TrackResult(
            path=heard.path,
            status=status,
            genres=genres,
            previous=previous,
            scores=scores,
            duration_s=heard.duration_s,
            reason=reason,
            timeline=timeline_of(heard, engine.spec),
            field=options.targets.field,
            second=second,
            others=of_other_kinds,
            read=found.tags if found and status == "proposed" else None,
        )

    if heard.error is not None or found is None:
        return result("failed", str(heard.error))
    if found.is_kept(options):
        return result("kept", _why_kept(options.targets))
    if found.left_alone is not None:
        return result("skipped", found.left_alone)
    labels: tuple[str, ...] = ()
    if heard.scores is not None:  # every label: the owner's rules choose among them
        n_labels, threshold = len(engine.spec.labels), options.threshold
        labels = choose_genres(heard.scores, engine.spec, top=n_labels, threshold=threshold)
    first, rest = options.targets.split(labels, engine.spec)
    rules = options.rules
    if labels and options.spelling is not None:
        rules = options.spelling.over(rules)
    names = chosen_names(first, rules, limit=options.top)
    second, others = _second(found.second, rest, options)
    if not names and not others:
        return result(
            "abstained",
            why_nothing(scores, (*first, *rest), engine.spec, threshold=options.threshold),
        )
    genres = merged(previous, names, rules, policy=options.policy)
    if genres == previous and found.is_settled(options) and not (second and second.is_changed):
        is_kept = options.policy == "fill" and not options.rules.say_nothing(previous)
        why = _why_kept(options.targets) if is_kept else _HELD
        return result("kept" if is_kept else "unchanged", why)
    return result("proposed", None, genres, second)


def _why_kept(targets: Targets) -> str:
    there = "it has a genre" if targets.field == GENRE else f"its {targets.field} is filled"
    return f"{there}; --policy append or replace would change it"


def _second(
    found: SecondField | None, labels: Sequence[str], options: ScanOptions
) -> tuple[SecondField | None, tuple[str, ...]]:
    """The second field as it would be, and the names that were chosen for it.

    The list of allowed genres says nothing about moods.
    """
    if found is None:
        return None, ()
    rules = replace(options.rules, allow=None)
    names = chosen_names(labels, rules, limit=options.top)
    values = merged(found.previous, names, rules, policy=options.policy)
    return replace(found, values=values), names


def write_all(
    results: Iterator[T], options: ScanOptions, stop: threading.Event, writer: Writer
) -> Iterator[T | TrackResult]:
    """Write what is proposed, beside listening: a slow disk must not stop the ears.

    What is no result of a single track passes through.
    """

    def wish(result: T) -> WriteRequest | None:
        if not isinstance(result, TrackResult) or result.status != "proposed":
            return None
        genres, others = asked_of(
            result.field, result.genres, result.second, provenance=options.targets.provenance
        )
        if options.policy == "fill" and result.genres == result.previous:
            genres = None  # only the second field is filled
        return WriteRequest(result.path, genres, options.writing, result.read, others)

    with contextlib.closing(written_beside(results, wish, writer, stop)) as written:
        for result, outcome in written:
            if outcome is None or not isinstance(result, TrackResult):
                yield result
            else:
                yield _written(result, outcome)


def _written(result: TrackResult, outcome: Outcome) -> TrackResult:
    """A proposal, and what became of it."""
    if outcome is True:
        return replace(result, status="written")
    if outcome is False:
        return replace(result, status="unchanged", reason=_HELD)
    status: Status = "skipped" if isinstance(outcome, UnsupportedTagError) else "failed"
    second = result.second and replace(result.second, values=result.second.previous)
    return replace(
        result,
        status=status,
        genres=result.previous,
        second=second,
        reason=str(outcome),
        is_stale=isinstance(outcome, ChangedError),
    )
