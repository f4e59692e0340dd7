"""The owner's settings as options of a scan."""

from dataclasses import replace
from datetime import date

from tagger.genres.rules import fold
from tagger.model.spec import ModelSpec
from tagger.scan.options import ScanOptions
from tagger.settings.config import Settings
from tagger.settings.model_overrides import rules_of, targets_of
from tagger.writing.options import Hardlinks, WriteOptions


def writing_of(
    settings: Settings, *, keep_mtime: bool = False, hardlinks: Hardlinks = "skip"
) -> WriteOptions:
    """How the settings want files to be changed.

    Args:
        settings: the owner's.
        keep_mtime: leave the time of files as it is.
        hardlinks: what to do with files that have several names.
    """
    # A placeholder that the owner protects is a genre of theirs.
    protected = set(map(fold, settings.protected))
    return WriteOptions(
        id3v23_separator=settings.id3v23_separator,
        id3v2_version=settings.id3v2_version,
        wav_info=settings.wav_info,
        mp4_compat=settings.mp4_compat,
        placeholders=tuple(
            name for name in settings.placeholders if fold(name) not in protected
        ),
        keep_mtime=keep_mtime,
        hardlinks=hardlinks,
    )


def filled(options: ScanOptions, settings: Settings, spec: ModelSpec) -> ScanOptions:
    """The options with what the settings say wherever nothing else was said."""
    today = date.today()  # noqa: DTZ011 - the owner's
    return replace(
        options,
        top=options.top or settings.max_genres,
        rules=options.rules or rules_of(settings, spec),
        targets=options.targets or targets_of(settings, spec, today=today),
        writing=options.writing or writing_of(settings),
    )
