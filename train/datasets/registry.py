"""Every data set by name, found in the files of this folder.

A file that ends in `DATASET = Dataset(...)` is a data set: nothing else names it.
"""

import difflib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from importlib import import_module

import train.datasets
from tagger.errors import InputError
from train.datasets.dataset import Dataset


def _found() -> dict[str, Dataset]:
    """The `DATASET` of each file that has one, by name, in alphabetical order."""
    folder = train.datasets
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    files = (name for name in names if f"{folder.__name__}.{name}" != __name__)
    modules = [import_module(f"{folder.__name__}.{name}") for name in files]
    sets = [module.DATASET for module in modules if hasattr(module, "DATASET")]
    return {dataset.name: dataset for dataset in sorted(sets, key=lambda one: one.name)}


DATASETS: dict[str, Dataset] = _found()
BOUND = "CC BY-NC 4.0, after the data that it learned from"
NONE_STATED = "none stated"
FOR_ALL = set("mit apache bsd isc cc0 unlicense zlib mpl gpl lgpl agpl".split())
"""Words of licences that let anybody do anything that matters here with what was learned."""

FOR_SOME = {"nc", "noncommercial", "research", "academic", "educational", "personal", "private"}


def dataset_of(name: str) -> Dataset:
    """The data set that a name such as `mtat:all`, or an old name, stands for.

    Raises:
        InputError: there is none; the message has the nearest name.
    """
    base = name.partition(":")[0]
    for dataset in DATASETS.values():
        if base == dataset.name or name in dataset.old_names:
            return dataset
    near = difflib.get_close_matches(base, DATASETS, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(DATASETS)}."
    raise InputError(f"datasets: {base!r} is unknown. {hint}")


def recordings_of(name: str) -> str:
    """What two names have in common whose clips may be the same recordings."""
    try:
        one = dataset_of(name)
    except InputError:  # of a checkpoint whose data set is here no more
        return name.partition(":")[0]
    return one.recordings or one.name


def listed() -> str:
    """Every data set with its variants, where it comes from and its licence, as text."""
    lines = []
    for dataset in DATASETS.values():
        variants = f" (:{', :'.join(dataset.variants)})" if any(dataset.variants) else ""
        lines += [f"{dataset.name}{variants}: {dataset.title}"]
        lines += [f"    {part}: {dataset.says(part)}" for part in ("Where from", "Licence")]
    return "\n".join(lines)


def licence_of_weights(names: Sequence[str], teachers: Sequence[Mapping[str, str]] = ()) -> str:
    """What may be done with weights that were learned from these datasets and teachers.

    The terms of recordings are passed on to what was learned from them: that is the careful
    reading, and the terms of a model to what learned from it. Own recordings bring no terms
    that anybody could state here.

    Args:
        names: of the datasets.
        teachers: of each its `name` and `licence`.
    """
    terms = {}
    for known_name in names:
        base = known_name.partition(":")[0]
        if text := _terms_of(base):
            terms[base] = text
    # A list: two teachers may have one name.
    taught = [(f"teacher {teacher['name']}", teacher["licence"]) for teacher in teachers]
    stated = list(dict.fromkeys(f"{name}: {text}" for name, text in [*terms.items(), *taught]))
    from_all = "; ".join(_without_repeats(text, stated) for text in stated)
    if terms or any(_is_bound(text) for _, text in taught):
        return f"{BOUND} ({from_all})"
    none = f"{NONE_STATED}: the terms are those of the recordings that it learned from"
    return f"{none} ({from_all})" if taught else none


def _without_repeats(text: str, stated: Sequence[str]) -> str:
    """The terms of a teacher that learned from the same things, without saying these again."""
    own, found, inner = text.partition(f"{BOUND} (")
    if not found:
        return text
    new = [item for item in inner.removesuffix(")").split("; ") if item not in stated]
    return f"{own}{BOUND} ({'; '.join(new)})" if new else f"{own}{BOUND.partition(',')[0]}"


def _terms_of(name: str) -> str:
    """The terms of a data set, under its old name too; '' for one that is not known here."""
    return next(
        (
            dataset.terms
            for dataset in DATASETS.values()
            if name in (dataset.name, *dataset.old_names)
        ),
        "",
    )


def _is_bound(licence: str) -> bool:
    """Whether a teacher's licence keeps others from commercial use, or does not say so clearly.

    The careful reading: words that are not known bind as well.
    """
    words = set(re.split(r"[^a-z0-9]+", licence.lower()))
    if words & FOR_SOME or ("commercial" in words and words & {"no", "not", "non"}):
        return True
    is_free = bool(words & FOR_ALL) or {"cc", "by"} <= words
    return not (is_free or licence.startswith(NONE_STATED))
