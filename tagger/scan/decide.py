"""What a file holds and how it was scored -> what becomes of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tagger.genres.choose import choose_genres, scores_by_kind, why_nothing
from tagger.genres.rules import chosen_names, merged
from tagger.genres.target_fields import GENRE, SecondField, Targets
from tagger.model.spec import ModelSpec
from tagger.scan.options import ResolvedOptions
from tagger.scan.records import Inspected, TrackScores
from tagger.scan.results import Status, TrackResult
from tagger.scan.timeline import timeline_of
from tagger.scan.write_results import HOLDS_THEM


def is_kept(
    genres: Sequence[str], second: SecondField | None, options: ResolvedOptions
) -> bool:
    """Whether no score would change a file: `fill`, and every field says something."""
    fields = (genres, second.previous if second else genres)
    return options.policy == "fill" and not any(map(options.rules.say_nothing, fields))


class _Decision(NamedTuple):
    """What becomes of a file, and why; what it holds then, where that is something else."""

    status: Status
    reason: str | None = None
    genres: tuple[str, ...] | None = None
    second: SecondField | None = None


def decide(
    inspected: Inspected, scores: TrackScores, spec: ModelSpec, options: ResolvedOptions
) -> TrackResult:
    """Decide what becomes of one track; a track that is to be written is `proposed`."""
    genre_scores, of_other_kinds = scores_by_kind(scores.scores, spec)
    decision = _decision(inspected, scores, genre_scores, spec, options)
    return TrackResult(
        path=inspected.path,
        status=decision.status,
        genres=inspected.genres if decision.genres is None else decision.genres,
        previous=inspected.genres,
        scores=genre_scores,
        duration_s=scores.duration_s,
        reason=decision.reason,
        timeline=timeline_of(scores, spec),
        field=options.targets.field,
        second=decision.second or inspected.second,
        others=of_other_kinds,
        embedding=scores.embedding,
        read=inspected.tags if decision.status == "proposed" else None,
        # Who writes later, or another copy, compares what it has with what was read.
        heard=inspected.heard if options.write and decision.status == "proposed" else None,
    )


def _decision(
    inspected: Inspected,
    scores: TrackScores,
    genre_scores: dict[str, float] | None,
    spec: ModelSpec,
    options: ResolvedOptions,
) -> _Decision:
    # The order is the meaning: a file that failed is not kept, and one that is kept is not
    # asked whether it could be written.
    if scores.error is not None:
        return _Decision("failed", str(scores.error))
    if is_kept(inspected.genres, inspected.second, options):
        return _Decision("kept", _why_kept(options.targets))
    if inspected.left_alone is not None:
        return _Decision("skipped", inspected.left_alone)
    # All that are sure enough, not the first few: rules may turn three labels into one genre.
    labels = _labels(scores, spec, options)
    first, rest = options.targets.split(labels, spec)
    rules = options.rules
    if labels and options.spelling is not None:
        rules = options.spelling.over(rules)
    names = chosen_names(first, rules, limit=options.top)
    second, others = _second(inspected.second, rest, options)
    if not names and not others:
        chosen = (*first, *rest)
        why = why_nothing(genre_scores, chosen, spec, threshold=options.threshold)
        return _Decision("abstained", why)
    genres = merged(inspected.genres, names, rules, policy=options.policy)
    if _is_same(inspected, genres, second, options):
        return _same(genres, options)
    return _Decision("proposed", None, genres, second)


def _labels(scores: TrackScores, spec: ModelSpec, options: ResolvedOptions) -> tuple[str, ...]:
    """Every label that is sure enough, best first: the owner's rules choose among them."""
    if scores.scores is None:
        return ()
    return choose_genres(scores.scores, spec, top=len(spec.labels), threshold=options.threshold)


def _is_same(
    inspected: Inspected,
    genres: tuple[str, ...],
    second: SecondField | None,
    options: ResolvedOptions,
) -> bool:
    """Whether nothing is to be written: the values stay, in every place that tells them."""
    if genres != inspected.genres or (second is not None and second.is_changed):
        return False
    # A second place that says another genre is no matter of `fill`.
    is_asked = options.targets.field == GENRE and options.policy != "fill"
    return not is_asked or inspected.tags is None or inspected.tags.is_consistent


def _same(genres: tuple[str, ...], options: ResolvedOptions) -> _Decision:
    """Nothing is to be written, since the file holds what it would be given."""
    if options.policy == "fill" and not options.rules.say_nothing(genres):
        return _Decision("kept", _why_kept(options.targets))
    return _Decision("unchanged", HOLDS_THEM)


def _why_kept(targets: Targets) -> str:
    there = "it has a genre" if targets.field == GENRE else f"its {targets.field} is filled"
    return f"{there}; --policy append or replace would change it"


def _second(
    previous: SecondField | None, labels: Sequence[str], options: ResolvedOptions
) -> tuple[SecondField | None, tuple[str, ...]]:
    """The second field as it would be, and the names that were chosen for it.

    The list of allowed genres says nothing about moods.
    """
    if previous is None:
        return None, ()
    rules = replace(options.rules, allow=None)
    names = chosen_names(labels, rules, limit=options.top)
    values = merged(previous.previous, names, rules, policy=options.policy)
    return replace(previous, values=values), names
