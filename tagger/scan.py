"""The main job: files in, a result for each out, genres written if asked for."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from tagger.errors import TrackError, UnsupportedTagError
from tagger.genre_rules import GenreRules, chosen_names, merged
from tagger.genres import Policy, choose_genres, why_abstained
from tagger.pipeline import Heard, Intake, ListenOptions, analyse
from tagger.runtime import Engine
from tagger.safewrite import WriteOptions, why_skipped, write_genres
from tagger.tags import read_tags
from tagger.timeline import Timeline, timeline_of

Status = Literal["proposed", "written", "unchanged", "kept", "abstained", "skipped", "failed"]
STATUSES: tuple[Status, ...] = (
    "proposed", "written", "unchanged", "kept", "abstained", "skipped", "failed"
)  # fmt: skip

T = TypeVar("T")

_WRITES_IN_FLIGHT = 8


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
    """

    write: bool = False
    policy: Policy = "fill"
    top: int = 3
    threshold: float | None = None
    score_all: bool = False
    rules: GenreRules = field(default_factory=GenreRules)
    listen: ListenOptions = field(default_factory=ListenOptions)
    writing: WriteOptions = field(default_factory=WriteOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """What a scan has to say of one file; the fields are those of `--json`.

    Attributes:
        path: the file.
        status: what was, or would be, done.
        genres: what the file holds, or would hold, afterwards.
        previous: what it holds now.
        scores: label to score, best first; None if the track was not analysed.
        duration_s: length of the track; None if it was not decoded.
        reason: None, or a sentence.
        timeline: the scores of each window, if the pipeline was told to keep them; not a
            field of `--json`.
    """

    path: Path
    status: Status
    genres: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    scores: dict[str, float] | None = None
    duration_s: float | None = None
    reason: str | None = None
    timeline: Timeline | None = None


def scan(
    paths: Iterable[Path],
    engine: Engine,
    options: ScanOptions,
    *,
    stop: threading.Event | None = None,
) -> Iterator[TrackResult]:
    """Listen to files, decide their genres, and write them if that was asked for.

    Args:
        paths: the files, taken as they are needed.
        engine: the model.
        options: what to do with what is heard.
        stop: once set, the file that is being written is finished and reported, and the
            generator ends; all other files are left as they are.

    Yields:
        One result a file, as soon as it is done; never an exception for a single file.
    """
    stop = stop or threading.Event()
    heard = analyse(paths, engine, options.listen, intake=_intake(options), stop=stop)
    decided = (decide(one, engine, options) for one in heard)
    yield from (write_all(decided, options, stop) if options.write else decided)


@dataclass(frozen=True, slots=True)
class Found:
    """What a file was found to be before it was listened to.

    Attributes:
        genres: those it holds.
        left_alone: why it will not be written on purpose, or None.
    """

    genres: tuple[str, ...]
    left_alone: str | None


def _intake(options: ScanOptions) -> Callable[[Path], Intake]:
    def look(path: Path) -> Intake:
        tags = read_tags(path, style=options.writing.style)
        found = Found(tags.genres, why_skipped(path, tags, options.writing))
        keeps = options.policy == "fill" and bool(tags.genres)
        return Intake(listen=options.score_all or not keeps, note=found)

    return look


def decide(heard: Heard, engine: Engine, options: ScanOptions) -> TrackResult:
    """Decide what becomes of one track; a track that is to be written is `proposed`."""
    found: Found | None = heard.note
    previous = found.genres if found else ()
    scores = named_scores(heard, engine)

    def result(
        status: Status, reason: str | None, genres: tuple[str, ...] = previous
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
        )

    if heard.error is not None or found is None:
        return result("failed", str(heard.error))
    if options.policy == "fill" and previous:
        return result("kept", "it has a genre; --policy append or replace would change it")
    if found.left_alone is not None:
        return result("skipped", found.left_alone)
    labels = _believed(heard, engine, options)
    names = chosen_names(labels, options.rules, limit=options.top)
    if not names:
        return result("abstained", _why_nothing(scores, labels, engine, options))
    genres = merged(previous, names, options.rules, policy=options.policy)
    if genres == previous:
        return result("unchanged", "it holds these genres already")
    return result("proposed", None, genres)


def _believed(heard: Heard, engine: Engine, options: ScanOptions) -> tuple[str, ...]:
    """Every label that is sure enough; the owner's rules choose among them."""
    if heard.scores is None:
        return ()
    n_labels = len(engine.spec.labels)
    return choose_genres(heard.scores, engine.spec, top=n_labels, threshold=options.threshold)


def _why_nothing(
    scores: dict[str, float] | None,
    labels: tuple[str, ...],
    engine: Engine,
    options: ScanOptions,
) -> str:
    if scores is None:
        return "it is silent"
    if labels:
        return (
            f"{', '.join(labels)} is heard, but `allow` or `block` of the settings forbids it"
        )
    return why_abstained(scores, engine.spec, threshold=options.threshold)


def named_scores(heard: Heard, engine: Engine) -> dict[str, float] | None:
    """Label to score, best first, to four places; None without scores."""
    if heard.scores is None:
        return None
    pairs = zip(engine.spec.labels, heard.scores.tolist(), strict=True)
    return {label: round(score, 4) for label, score in sorted(pairs, key=lambda one: -one[1])}


def write_all(
    results: Iterator[T], options: ScanOptions, stop: threading.Event
) -> Iterator[T | TrackResult]:
    """Write what is proposed in a thread of its own: a slow disk must not stop the ears.

    What is no result of a single track passes through.
    """
    pending: deque[Future[TrackResult]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="write") as writer:
        for result in results:
            if isinstance(result, TrackResult) and result.status == "proposed":
                pending.append(writer.submit(_write, result, options))
            else:
                yield result
            while pending and (pending[0].done() or len(pending) >= _WRITES_IN_FLIGHT):
                yield pending.popleft().result()
        for write in pending:
            # When stopped, what has not begun is left; what runs is finished and reported.
            if not (stop.is_set() and write.cancel()):
                yield write.result()


def _write(result: TrackResult, options: ScanOptions) -> TrackResult:
    """Write one proposal and say what became of it."""
    try:
        changed = write_genres(result.path, result.genres, options=options.writing)
    except UnsupportedTagError as error:
        return replace(result, status="skipped", genres=result.previous, reason=str(error))
    except TrackError as error:
        return replace(result, status="failed", genres=result.previous, reason=str(error))
    if changed:
        return replace(result, status="written")
    return replace(result, status="unchanged", reason="it holds these genres already")
