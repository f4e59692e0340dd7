"""Who is told what happens while a `Tagger` opens and works; files are told of by results."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tagger.model.lazy import LoadWatch, building_unseen

Say = Callable[[str], None]
"""Told one sentence."""


def say_nothing(_sentence: str) -> None:
    """Drop what the owner might like to know; errors are raised all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Callbacks, from any thread.

    Attributes:
        on_notice: told, in a sentence, what the owner should know of settings, model and state.
        on_loading: told, in place of `on_notice`, why `auto` took no GPU although there is one,
            and what else of the model's loading is not as it should be.
        building: entered with the engine's folder while TensorRT builds, which takes minutes.
    """

    on_notice: Say = say_nothing
    on_loading: Say | None = None
    building: Callable[[Path], AbstractContextManager[object]] = building_unseen

    @property
    def loading(self) -> LoadWatch:
        """What of it concerns the loading of a model."""
        return LoadWatch(on_note=self.on_loading or self.on_notice, building=self.building)
