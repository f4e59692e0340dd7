"""The genres that are there already: which disagree with the model, which are no genres.

Nothing is changed. What is found is a proposal in the form of any other result, so that a
report of it can be edited and applied.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tagger.genres.choose import is_sure
from tagger.genres.rules import (
    GenreRules,
    ancestors,
    canonical,
    chosen_names,
    read_apart,
    spelled,
    spelling_key,
    unique,
)
from tagger.genres.spelling import no_spelling, usual_spellings
from tagger.genres.target_fields import Targets
from tagger.model.label_tree import GENRE_KIND
from tagger.model.spec import ModelSpec
from tagger.review.findings import (
    FINDINGS,
    TO_MEND,
    Audit,
    Audited,
    AuditOptions,
    Finding,
    Variant,
)
from tagger.scan.options import ScanOptions
from tagger.scan.results import Status, TrackResult
from tagger.settings.config import Settings
from tagger.settings.model_overrides import rules_of

_NUMERIC = re.compile(r"\s*\(?\s*\d+\s*\)?\s*")
_KEPT_SCORES = 3


class Auditor:
    """Judges file by file, and counts spellings; holds one entry a spelling, not a file.

    Args:
        spec: the model's labels and thresholds.
        rules: the owner's aliases and tree explain what a file's genres mean.
        threshold: one threshold for all labels instead of the model's own.
        limit: the most genres that are suggested.
    """

    def __init__(
        self, spec: ModelSpec, rules: GenreRules, *, threshold: float | None, limit: int
    ) -> None:
        self.spec, self.rules = spec, rules
        self.threshold, self.limit = threshold, limit
        self.spellings: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        genres = spec.labels_of(GENRE_KIND)
        self._labels = {spelling_key(canonical(genre, rules)): genre for genre in genres}
        # The label's own name wins over an alias that leads to another one.
        self._labels |= {spelling_key(genre): genre for genre in genres}

    def audit(
        self,
        results: Iterable[TrackResult],
        *,
        on_track: Callable[[TrackResult], None] | None = None,
    ) -> Audit:
        """What is to be said of scanned files.

        Args:
            results: taken one by one, and held until the last.
            on_track: told of each as it comes.
        """
        assessed: list[Audited] = []
        for result in results:
            if on_track is not None:
                on_track(result)
            assessed.append(self.assess(result))
        files, variants = self.finish(assessed)
        return Audit(files, variants, self.unknown)

    def assess(self, result: TrackResult) -> Audited:
        """What is to be said of one file that was listened to."""
        if result.status == "failed":
            return Audited(replace(result, genres=result.previous), "failed")
        genres = tuple(
            part for genre in result.previous for part in read_apart(genre, self.rules)
        )
        self.spellings.update(genres)
        believed = self._believed(result.scores or {})
        suggested = chosen_names(believed, self.rules, limit=self.limit)
        own = self._own_labels(genres)
        scores = result.scores or {}
        predicted = believed[0] if believed else ""
        return Audited(
            replace(result, genres=suggested or result.previous),
            self._finding(genres, believed, own),
            predicted,
            scores.get(predicted, 0.0),
            max((scores.get(label, 0.0) for label in own), default=0.0),
        )

    def _believed(self, scores: dict[str, float]) -> list[str]:
        """The labels that are sure enough, best first."""
        return [
            label
            for label, score in scores.items()
            if is_sure(label, score, self.spec, threshold=self.threshold)
        ]

    def _finding(
        self, genres: Sequence[str], believed: Sequence[str], own: Sequence[str]
    ) -> Finding:
        if not genres:
            return "empty"
        if any(_NUMERIC.fullmatch(genre) for genre in genres):
            return "numeric"
        if self.rules.say_nothing(genres):
            return "placeholder"
        if not own:
            self.unknown.update(genres)
            return "unknown"
        if not believed:
            return "unsure"
        above = {label for genre in believed for label in self.meanings(genre)}
        # Only what a genre says first: its ancestors would agree with almost everything.
        first = {label for genre in genres for label in self.meanings(genre)[:1]}
        agrees = set(believed) & set(own) or above & first
        return "agrees" if agrees else "disagrees"

    def _own_labels(self, genres: Sequence[str]) -> tuple[str, ...]:
        return unique(label for genre in genres for label in self.meanings(genre))

    def meanings(self, genre: str) -> tuple[str, ...]:
        """The model's labels that a genre stands for, the nearest first.

        It is the label itself in any spelling, or what aliases and the tree make of it;
        failing that, the label that its last word is: death metal is metal.
        """
        name = canonical(genre, self.rules)
        line = (genre, name, *ancestors(name, self.rules))
        labels = [self._labels.get(spelling_key(genre)) for genre in line]
        if not any(labels):
            words = re.split(r"[\s\-]+", name.strip())
            # The longest first: melodic death metal is death metal before it is metal.
            tails = (" ".join(words[start:]) for start in range(1, len(words)))
            labels = [self._labels.get(spelling_key(tail)) for tail in tails]
        return unique(label for label in labels if label is not None)

    def variants(self) -> list[Variant]:
        """Genres that are spelled in several ways, most files first."""
        groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for genre, count in self.spellings.items():
            groups[spelling_key(canonical(genre, self.rules))][genre] += count
        disagreeing = [
            Variant(self._best_spelling(group), tuple(group.most_common()))
            for group in groups.values()
            if len(group) > 1
        ]
        return sorted(
            disagreeing, key=lambda group: -sum(count for _, count in group.spellings)
        )

    def _best_spelling(self, group: Counter[str]) -> str:
        """The owner's own spelling, else the most frequent one."""
        common = group.most_common(1)[0][0]
        name = canonical(common, self.rules)
        return spelled(name, self.rules) if name != common else self._exact(common)

    def _exact(self, name: str) -> str:
        return self.rules.spellings.get(name.strip().casefold(), name)

    def finish(self, assessed: Iterable[Audited]) -> tuple[list[Audited], list[Variant]]:
        """All files, what is worth a look first, the most certain first; and the spellings.

        Holds every file until the last is judged: only then is known how genres are spelled.
        """
        files = [_lean(file) for file in assessed]
        variants = self.variants()
        names = better_names(variants)
        here = replace(self.rules, usual=usual_spellings(self.spellings, self.rules))
        spelled_here = [_as_spelled(file, here) for file in files]
        files = [_explained(self._respelled(file, names)) for file in spelled_here]
        order = {finding: rank for rank, finding in enumerate(FINDINGS)}
        files.sort(key=lambda file: (order[file.finding], -file.certainty, file.result.path))
        return files, variants

    def _respelled(self, audited: Audited, names: dict[str, str]) -> Audited:
        """A file that is fine but for a spelling becomes a `variant`, with the one suggested.

        Args:
            audited: what was said of it.
            names: a spelling to the one that is better.
        """
        if audited.finding not in {"agrees", "unknown", "unsure"}:
            return audited
        previous = audited.result.previous
        better = unique(names.get(genre, genre) for genre in previous)
        if better == previous:
            return replace(audited, result=replace(audited.result, genres=previous))
        return replace(
            audited, finding="variant", result=replace(audited.result, genres=better)
        )


def _as_spelled(audited: Audited, rules: GenreRules) -> Audited:
    """A file whose genres would be others gets them as the library spells them."""
    result = audited.result
    if result.genres == result.previous:
        return audited
    genres = unique(spelled(name, rules) for name in result.genres)
    return replace(audited, result=replace(result, genres=genres))


def auditor_of(options: AuditOptions, settings: Settings, spec: ModelSpec) -> Auditor:
    """The auditor of a library under its owner's settings."""
    return Auditor(
        spec,
        rules_of(settings, spec),
        threshold=options.threshold,
        limit=options.top or settings.max_genres,
    )


def options_of(options: AuditOptions) -> ScanOptions:
    """The scan that an audit needs: every file scored, nothing named by the owner's rules.

    What is suggested is chosen and spelled by the auditor, when all files are known.
    """
    return ScanOptions(
        score_all=True,
        listen=options.listen,
        rules=GenreRules(),
        targets=Targets(),
        spelling=no_spelling(),
    )


def better_names(variants: Sequence[Variant]) -> dict[str, str]:
    """A spelling to the one that is suggested in its place."""
    return {
        name: variant.suggested
        for variant in variants
        for name, _ in variant.spellings
        if name != variant.suggested
    }


def _lean(audited: Audited) -> Audited:
    """Without the scores that nobody looks at, since all files are held at once."""
    scores = audited.result.scores
    if scores is None or len(scores) <= _KEPT_SCORES:
        return audited
    kept = dict(list(scores.items())[:_KEPT_SCORES])
    return replace(audited, result=replace(audited.result, scores=kept))


def _explained(audited: Audited) -> Audited:
    """The result says why it is here, and proposes what would mend it."""
    result = audited.result
    if audited.finding not in TO_MEND:
        result = replace(result, genres=result.previous)
    if result.status not in {"failed", "skipped"}:
        status: Status = "kept" if result.genres == result.previous else "proposed"
        result = replace(result, status=status, reason=reason_of(audited))
    return replace(audited, result=result)


def reason_of(audited: Audited) -> str:
    """One sentence for a report: why the file is in it."""
    result = audited.result
    model_says = f"the model says {audited.predicted} {audited.predicted_score:.2f}"
    sure = f"; {model_says}" if audited.predicted else "; the model is not sure"
    says = ", ".join(result.previous)
    return {
        "disagrees": f"disagrees: {model_says}, not {says} ({audited.own_score:.2f})",
        "empty": f"empty: the file has no genre{sure}",
        "numeric": f"numeric: {says} is a number{sure}",
        "placeholder": f"placeholder: {says} says nothing{sure}",
        "variant": f"variant: {', '.join(result.genres)} is the usual spelling here",
        "unknown": f"unknown: the model does not know {says}{sure}",
        "agrees": "agrees with the model",
        "unsure": "unsure: no score is above its threshold",
        "failed": result.reason or "failed",
    }[audited.finding]
