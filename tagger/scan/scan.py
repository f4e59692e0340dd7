"""The main job: files in, a result for each out, genres written if asked for."""

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tagger.genres.choose import choose_genres, told_scores, why_nothing
from tagger.genres.rules import chosen_names, merged
from tagger.genres.target_fields import GENRE, SecondField, Targets, second_of
from tagger.journal.run import Writer, write_unrecorded
from tagger.model.lazy import Scorer
from tagger.scan.options import ResolvedOptions, ScanOptions
from tagger.scan.records import Intake, TrackScores
from tagger.scan.results import Status, TrackResult
from tagger.scan.timeline import timeline_of
from tagger.scan.write_results import HOLDS_THEM, write_all
from tagger.tags import TagInfo, read_tags
from tagger.writing.safe_write import why_skipped


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
    resolved = options.resolved()
    heard = analyse(paths, engine, resolved.listen, intake=_intake(resolved), stop=stop)
    decided = (decide(one, engine, resolved) for one in heard)
    yield from (write_all(decided, resolved, stop, writer) if resolved.write else decided)


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

    def is_kept(self, options: ResolvedOptions) -> bool:
        """Whether nothing that is heard would be written."""
        told = (self.genres, self.second.previous if self.second else self.genres)
        return options.policy == "fill" and not any(map(options.rules.say_nothing, told))

    def is_settled(self, options: ResolvedOptions) -> bool:
        """Whether nothing is to be done where the values stay: `fill` asks for no more."""
        is_asked = options.targets.field == GENRE and options.policy != "fill"
        return not is_asked or self.tags is None or self.tags.is_settled


def found_of(path: Path, tags: TagInfo, options: ResolvedOptions, *, n_names: int = 0) -> Found:
    """What counts of a file's tags; `n_names` as for `why_skipped`."""
    genres = tags.values(options.targets.field)
    found = Found(genres, None, second_of(tags, options.targets.second_field), tags)
    if found.is_kept(options):
        return found
    return replace(found, left_alone=why_skipped(path, tags, options.writing, n_names=n_names))


def wants_scores(found: Found, options: ResolvedOptions) -> bool:
    """Whether a file is to be listened to."""
    return options.score_all or not found.is_kept(options)


def _intake(options: ResolvedOptions) -> Callable[[Path], Intake]:
    def look(path: Path) -> Intake:
        names = options.targets.names
        tags = read_tags(path, style=options.writing.style, fields=names)
        found = found_of(path, tags, options)
        return Intake(listen=wants_scores(found, options), note=found)

    return look


def decide(heard: TrackScores, engine: Scorer, options: ResolvedOptions) -> TrackResult:
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
        why = _why_kept(options.targets) if is_kept else HOLDS_THEM
        return result("kept" if is_kept else "unchanged", why)
    return result("proposed", None, genres, second)


def _why_kept(targets: Targets) -> str:
    there = "it has a genre" if targets.field == GENRE else f"its {targets.field} is filled"
    return f"{there}; --policy append or replace would change it"


def _second(
    found: SecondField | None, labels: Sequence[str], options: ResolvedOptions
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
