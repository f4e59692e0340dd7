"""Genres from the sound of the music, for beets: see docs/beets.md.

Everything that decodes, scores or writes is behind `tagger.Tagger`; here is what beets asks
for and what it is told.
"""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from beets import plugins, ui

from beetsplug.tagger.genre_files import settings_values
from beetsplug.tagger.items import (
    album_genres,
    genres_of,
    line_of,
    path_of,
    remember,
    set_genres,
)
from tagger import Observer, ScanOptions, Tagger, TaggerError, TrackResult
from tagger.genres.choose import POLICIES
from tagger.genres.rules import merged
from tagger.journal.run import WriteRequest
from tagger.scan.from_settings import writing_of
from tagger.settings.config import Settings

__all__ = ["TaggerPlugin"]


class TaggerPlugin(plugins.BeetsPlugin):  # type: ignore[misc]
    """The command `beet tagger`, and a stage of `beet import`."""

    def __init__(self) -> None:
        super().__init__()
        self.config.add(
            {
                "auto": True,
                "model": "default",
                "device": "auto",
                "policy": "fill",
                "fallback": False,
                "threshold": None,
                "max_genres": 3,
                "albums": True,
                "write": False,
                "whitelist": False,
                "canonical": False,
                "aliases": False,
            }
        )
        self._opened: Tagger | None = None
        self._opening = threading.Lock()
        self._changed: set[int] = set()  # items whose genres a running import has set
        if self.config["auto"].get(bool):
            # With `fallback` it waits until all stages are done, whatever the plugins' order.
            if not self.config["fallback"].get(bool):
                self.import_stages = [self.imported]
            self.register_listener("import_task_files", self.files_done)
        self.register_listener("cli_exit", self.close)

    def commands(self) -> list[Any]:
        """The command `beet tagger`."""
        command = ui.Subcommand("tagger", help="choose genres by the sound of the music")
        add = command.parser.add_option
        add("-p", "--pretend", action="store_true", help="show what would change (default)")
        add("-w", "--write", action="store_true", help="change the library, and the files")
        add("--policy", choices=POLICIES, help="what happens to genres that are there")
        add("-f", "--force", action="store_true", help="the same as --policy replace")
        command.func = self.run_command
        return [command]

    def run_command(self, lib: Any, opts: Any, args: list[str]) -> None:
        """Show, or set, the genres of the items that a query finds."""
        policy = "replace" if opts.force else opts.policy or self._policy()
        is_asked = opts.write or (self.config["write"].get(bool) and not opts.pretend)
        if opts.write and opts.pretend:
            raise ui.UserError("tagger: choose one of --pretend and --write")
        items = list(lib.items(args))
        try:
            changed = self.choose(items, policy, store=is_asked, show=True)
            if is_asked and ui.should_write():
                self.write_files(changed)
        except TaggerError as error:
            raise ui.UserError(f"tagger: {error}") from error
        if is_asked:
            self._set_albums(changed)
        elif changed:
            n = len(changed)
            ui.print_(f"{n} item{'s' * (n > 1)} would change; --write changes them.")

    def imported(self, _session: Any, task: Any) -> None:
        """Stage of an import: what is new is scored while beets goes on with the next."""
        self._import(task)

    def files_done(self, session: Any, task: Any) -> None:
        """The files of a task are in their places: they get what beets did not write.

        An import without autotagging writes no file by itself (`beet import -A`).
        """
        if self.config["fallback"].get(bool):
            self._import(task)
        items = [item for item in task.imported_items() if item.id in self._changed]
        self._changed.difference_update(item.id for item in items)
        if items and session.config["write"].get(bool):
            try:
                self.write_files(items)
            except TaggerError as error:
                self._log.error("{}", error)

    def close(self, **_: Any) -> None:
        """Let go of the state and end the decoding processes."""
        with self._opening:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def choose(
        self, items: Sequence[Any], policy: str, *, store: bool, show: bool = False
    ) -> list[Any]:
        """Score items, and set the genres of those that would have others.

        Args:
            items: of the library.
            policy: 'fill', 'append' or 'replace'.
            store: put genres, scores and model into the database.
            show: print a line for each item that changes.

        Returns:
            The items that change.

        Raises:
            TaggerError: nothing could be scored: no model, or the state is in use.
        """
        if policy == "fill":
            items = [item for item in items if self._is_empty(genres_of(item))]
        scores = self._scores(items) if items else {}
        changed = []
        for item in items:
            result = scores.get(path_of(item))
            if result is None or result.scores is None:
                self._log.warning("{}: {}", item, result.reason if result else "not scored")
                continue
            new = self._merged(genres_of(item), result, policy)
            if store:
                remember(item, result, self._tagger().spec)
            if new != genres_of(item):
                changed.append(item)
                if show:
                    ui.print_(line_of(item, new, result))
                if store:
                    set_genres(item, new)
            if store:
                item.store()
        return changed

    def write_files(self, items: Iterable[Any]) -> None:
        """Write the genres of items into their files, as one run that can be undone.

        Nothing else of a file changes: what else beets would write, `beet write` writes.

        Raises:
            TaggerError: the journal cannot be kept.
        """
        # All items as one run, so that one undo brings back a command, or an album's import.
        tagger, items = self._tagger(), list(items)
        options = writing_of(tagger.settings)
        requests = [WriteRequest(path_of(item), genres_of(item), options) for item in items]
        outcomes = tagger.write_many(requests, reason="beets", model=tagger.spec.name)
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, TaggerError):
                self._log.warning("{}", outcome)
                continue
            # Else `beet update` would read the file again.
            item.mtime = item.current_mtime()
            item.store(fields=["mtime"])

    def _import(self, task: Any) -> None:
        """Choose genres for what a task imports; a failure here fails no import."""
        policy = "fill" if self.config["fallback"].get(bool) else self._policy()
        try:
            changed = self.choose(task.imported_items(), policy, store=True)
        except TaggerError as error:
            self._log.error("{}", error)
            return
        self._changed.update(item.id for item in changed)
        self._set_albums(changed)

    def _set_albums(self, items: Iterable[Any]) -> None:
        """An album has the genres that most of its tracks have."""
        if not self.config["albums"].get(bool):
            return
        albums = {item.album_id: item.get_album() for item in items if item.album_id}
        for album in filter(None, albums.values()):
            limit = self.config["max_genres"].get(int)
            set_genres(album, album_genres(list(album.items()), limit=limit))
            album.store(inherit=False)

    def _policy(self) -> str:
        return str(self.config["policy"].as_choice(list(POLICIES)))

    def _is_empty(self, genres: Sequence[str]) -> bool:
        return bool(self._tagger().settings.rules.say_nothing(genres))

    def _merged(self, before: tuple[str, ...], result: TrackResult, policy: Any) -> Any:
        """The genres of an item once those of its sound are added."""
        if result.status not in {"proposed", "unchanged"}:
            return before
        return merged(before, result.genres, self._tagger().settings.rules, policy=policy)

    def _scores(self, items: Sequence[Any]) -> dict[Path, TrackResult]:
        """A result for each file; what was scored before, by any program, comes at once."""
        paths = [path for path in map(path_of, items) if path.is_file()]
        if not paths:
            return {}
        threshold = self.config["threshold"].get()
        tagger = self._tagger()
        # Nothing is written here, so a hard link is no reason to leave a file out.
        options = ScanOptions(
            policy="replace",
            score_all=True,
            threshold=None if threshold is None else float(threshold),
            writing=writing_of(tagger.settings, hardlinks="write"),
        )
        return {result.path: result for result in tagger.scan(paths, options)}

    def _tagger(self) -> Tagger:
        """The `Tagger` of the configuration, opened at first use and kept.

        Raises:
            TaggerError: there is no such model, or a setting is wrong.
        """
        with self._opening:
            if self._opened is None:
                model, device = self.config["model"].as_str(), self.config["device"].as_str()
                # Lists and trees are spelled with the labels, so these come first.
                with Tagger(model, state=False, settings=Settings()) as plain:
                    labels = plain.spec.labels
                self._opened = Tagger(
                    model,
                    device=device,
                    settings=settings_values(self.config, labels),
                    observer=Observer(on_notice=lambda said: self._log.info("{}", said)),
                )
            return self._opened
