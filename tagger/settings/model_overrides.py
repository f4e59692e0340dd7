"""The owner's settings laid over what a model says of itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from tagger.genres.rules import GenreRules, ancestors, canonical, fold
from tagger.genres.target_fields import Targets
from tagger.model.label_tree import LABEL_KINDS, pruned
from tagger.model.spec import ModelSpec
from tagger.settings.config import Settings
from tagger.settings.values import nearest


def targets_of(settings: Settings, spec: ModelSpec, *, today: date) -> Targets:
    """Which fields are written, with which labels of a model.

    Args:
        settings: the owner's.
        spec: the model that chooses; provenance names it and its revision.
        today: the date that provenance names.
    """
    named = settings.second.get("labels", ())
    of_kinds = [
        label for kind in settings.second.get("kind", ()) for label in spec.labels_of(kind)
    ]
    labels = frozenset(map(fold, (*named, *of_kinds)))
    return Targets(
        field=settings.field,
        second_field=settings.second_field if labels else None,
        second_labels=labels,
        provenance=f"{spec.name} {spec.revision[:12]} {today.isoformat()}"
        if settings.provenance
        else None,
    )


def with_settings(spec: ModelSpec, settings: Settings) -> tuple[ModelSpec, list[str]]:
    """The model's spec with the owner's thresholds, and a sentence for what it cannot follow.

    A label whose parents the owner names has no other ones. An unknown label is no error: one
    file of settings may serve several models.
    """
    labels = {fold(label): label for label in spec.labels}
    thresholds = {
        labels[fold(k)]: v for k, v in settings.thresholds.items() if fold(k) in labels
    }
    # Whoever names a label's parents means all of them: those of the model go.
    own = set(map(fold, settings.tree))
    parents = {name: above for name, above in spec.parents.items() if fold(name) not in own}
    changed = replace(
        spec, thresholds={**spec.thresholds, **thresholds}, parents=_reached(spec, parents)
    )
    return changed, [*settings.notices, *_unknown(settings, spec)]


def _reached(spec: ModelSpec, parents: Mapping[str, str]) -> Mapping[str, str]:
    """Without the names that no label stands below any more."""
    return pruned(spec.labels, parents, {})[0]


def _unknown(settings: Settings, spec: ModelSpec) -> list[str]:
    """A sentence for each label, or kind of labels, that the model does not have."""
    labels = set(map(fold, spec.labels))
    named = [("thresholds", "that threshold is", name) for name in settings.thresholds]
    named += [("second", "it is", name) for name in settings.second.get("labels", ())]
    notes = [
        f"{settings.origins[key]}: the model has no label {name!r}"
        f"{nearest(name, spec.labels)}; {what} ignored"
        for key, what, name in named
        if fold(name) not in labels
    ]
    has = [kind for kind in LABEL_KINDS if spec.labels_of(kind)]
    return notes + [
        f"{settings.origins['second']}: the model has no label of the kind {kind!r} (it has:"
        f" {', '.join(has)}); it is ignored"
        for kind in settings.second.get("kind", ())
        if kind not in has
    ]


def rules_of(settings: Settings, spec: ModelSpec) -> GenreRules:
    """The owner's rules, whose tree lies over that of the model.

    Args:
        settings: the owner's.
        spec: of the model, after `with_settings`.
    """
    rules = settings.rules
    own = frozenset(rules.tree)
    for name, above in spec.parents.items():
        below = canonical(name, rules)
        if fold(below) not in own:
            rules = _with_parent(rules, below, canonical(above, rules))
    return rules


def _with_parent(rules: GenreRules, name: str, above: str) -> GenreRules:
    """Add a parent to a name, unless the way up from it would lead back to the name."""
    parents = rules.tree.get(fold(name), ())
    line = (above, *ancestors(above, rules))
    # A circle of the owner's and the model's trees together is nobody's mistake: the model
    # gives way.
    if fold(name) in map(fold, line) or fold(above) in map(fold, parents):
        return rules
    return replace(rules, tree={**rules.tree, fold(name): (*parents, above)})
