"""What a `Tagger` holds while it is open: model, decoding processes, settings and state."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from tagger.errors import InputError
from tagger.journal.recover import open_recovered
from tagger.library.selection import Selection, WalkOptions, select
from tagger.model.catalogue import find_model
from tagger.model.device_options import DeviceOptions
from tagger.scan.decode_pool import DecodePool
from tagger.scan.from_settings import filled
from tagger.scan.observer import Observer
from tagger.scan.options import ScanOptions
from tagger.scan.records import ListenOptions
from tagger.settings.config import Settings, load_settings
from tagger.settings.open_model import open_model
from tagger.settings.values import checked_patterns
from tagger.state import Store

_NEEDS_STATE = (
    "What is written could not be undone without a state; open the Tagger without state=False."
)


def _settings(given: Settings | Mapping[str, object] | None) -> Settings:
    """The owner's settings, with the values that lie over them."""
    return given if isinstance(given, Settings) else load_settings(values=given or {})


class Resources:
    """The model, the decoding processes, the cache and the journal, opened when needed.

    Attributes:
        path: the model file; on a GPU the float32 one beside eight bits for processors.
        spec: what the model says of itself, with the settings' thresholds and tree.
        settings: the owner's settings.
    """

    def __init__(
        self,
        model: str | Path = "default",
        *,
        device: str = "auto",
        compute: DeviceOptions | None = None,
        state: Path | str | Literal[False] | None = None,
        settings: Settings | Mapping[str, object] | None = None,
        n_decoders: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Check the model and the settings; a model for a GPU is loaded, no other yet.

        Args:
            model: a file, or a name of `tagger models`.
            device: auto, cpu, cuda or tensorrt; `cuda:1` is the second GPU. Only auto may
                settle for less.
            compute: how the device is used.
            state: the file of the cache and the journal; None for the user's own, False for
                neither of them: then no file can be written.
            settings: the owner's, or values that lie over config.toml and the environment.
            n_decoders: decoding processes; None for one a core.
            observer: told what the owner should know; None for nobody.

        Raises:
            ModelError: there is no such model, or it cannot be run.
            DeviceError: the device that was asked for cannot be used.
            InputError: a setting or the device's name is wrong.
        """
        self.settings = _settings(settings)
        observer = observer or Observer()
        self._say = observer.on_notice
        self._remember = state is not False
        self._state = Path(state) if state else None
        self._listen = ListenOptions(n_decoders=n_decoders)
        self._store: Store | None = None
        self._pool = DecodePool()
        self._opening, self._scanning = threading.Lock(), threading.Lock()
        self._engine, notes = open_model(
            find_model(str(model)),
            device,
            compute or DeviceOptions(),
            settings=self.settings,
            watch=observer.loading,
        )
        self.path, self.spec = self._engine.path, self._engine.spec
        for note in notes:
            self._say(f"{note}.")

    def close(self) -> None:
        """Let go of the state and end the decoding processes."""
        with self._opening:
            store, self._store = self._store, None
        self._pool.close()
        if store is not None:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def held_state(self) -> Store:
        """The state, held by this process from now on; for what is learned from it.

        Raises:
            InputError: this `Tagger` has none.
            StateError: another process holds it.
        """
        return self._journal()

    def forget_gone(self, paths: Iterable[Path | str]) -> None:
        """Drop from the state what is not there any more; nothing without a state.

        What was scored of its audio is kept: a file that was moved is not decoded again.

        Args:
            paths: absolute, of files and of folders with all that was in them.

        Raises:
            StateError: the state is held by another process, or cannot be changed.
        """
        from tagger.state.gone import forget_gone  # noqa: PLC0415 - by watchers only

        if self._remember:
            forget_gone(self._journal(), map(Path, paths))

    def _selected(self, paths: Iterable[Path | str], walk: WalkOptions | None) -> Selection:
        walk = walk or WalkOptions()
        patterns = checked_patterns(walk.exclude, option="exclude")
        return select(paths, replace(walk, exclude=(*self.settings.exclude, *patterns)))

    def _filled(self, options: ScanOptions) -> ScanOptions:
        """With what the settings say where nothing else was said."""
        n_decoders = options.listen.n_decoders or self._listen.n_decoders
        options = replace(options, listen=replace(options.listen, n_decoders=n_decoders))
        return filled(options, self.settings, self.spec)

    def _journal(self) -> Store:
        """The state, held by this process from now on."""
        if not self._remember:
            raise InputError(_NEEDS_STATE)
        with self._opening:
            if self._store is None:
                self._store = open_recovered(self._state, on_notice=self._say)
            return self._store
