"""What a data set declares of itself: name, loader, and the terms of what learns from it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from train.datasets.audio import AudioSet, Where
from train.datasets.base import FeatureSet

RESEARCH_ONLY = "recordings for research only"
BY_ARTIST = "Creative Commons licences of the artists, many of them non-commercial"

Load = Callable[[Where], AudioSet | FeatureSet]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One data set, as `DATASET` at the end of its file.

    Attributes:
        name: what `--dataset` takes, without a variant.
        load: the files that the user has -> recordings that are to be decoded, or features.
        gives: 'recordings', 'features', or 'stored features' that were computed by others.
        variants: what may stand behind a colon, the default first; empty if nothing or any.
        terms: what the set says of commercial use, which binds the weights of a model that
            learned from it; '' for the user's own files, of which nothing is known here.
        recordings: a name that is the same for sets whose clips may be the same recordings;
            '' for the set's own name.
        store: the file below --data that holds stored features.
        old_names: what the set was called before.
    """

    name: str
    load: Load
    gives: str = "recordings"
    variants: tuple[str, ...] = ()
    terms: str = ""
    recordings: str = ""
    store: str = ""
    old_names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The first line of its file, without the name."""
        return self._doc().split("\n", 1)[0].partition(": ")[2]

    def says(self, part: str) -> str:
        """What its file says under `part`, as in 'Licence' or 'Where from', on one line."""
        lines = self._doc().partition(f"\n{part}: ")[2].split("\n")
        own = [lines[0]]
        for line in lines[1:]:
            if not line.startswith("    "):
                break
            own.append(line.strip())
        return " ".join(own)

    def _doc(self) -> str:
        return sys.modules[self.load.__module__].__doc__ or ""
