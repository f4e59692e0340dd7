"""What is to be written to a file, and how, as whoever writes asks for it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from tagger.library.listing import Entry
from tagger.tags.base import TagInfo
from tagger.tags.fields import DEFAULT_SEPARATOR, PLACEHOLDERS, Id3Version, Style

Hardlinks = Literal["skip", "write"]
HARDLINKS: tuple[Hardlinks, ...] = get_args(Hardlinks)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How files are changed.

    Attributes:
        id3v23_separator: joins several values in ID3v2.3, which knows one string only.
        keep_mtime: leave the modification time; media servers then miss the change.
        hardlinks: what to do with a file that has more names: leave it alone, or write and
            so give this name a file of its own (the other names keep the old content).
        id3v2_version: of a tag that is written: as it is (a new one is 2.4), or this one.
        mp4_compat: several genres as one joined MP4 value.
        wav_info: the genre of a WAV also as RIFF INFO.
        placeholders: what stands in a genre's place and says none.
    """

    id3v23_separator: str = DEFAULT_SEPARATOR
    keep_mtime: bool = False
    hardlinks: Hardlinks = "skip"
    id3v2_version: Id3Version = "keep"
    mp4_compat: bool = False
    wav_info: bool = False
    placeholders: tuple[str, ...] = PLACEHOLDERS

    @property
    def style(self) -> Style:
        """How values are spelled."""
        return Style(
            separator=self.id3v23_separator,
            id3v2_version=self.id3v2_version,
            mp4_joined=self.mp4_compat,
            wav_info=self.wav_info,
            placeholders=self.placeholders,
        )


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """What a file shall hold.

    Attributes:
        path: the file.
        genres: all that it shall hold, in order; None leaves them.
        options: how it is written.
        expected: what it said when that was decided, or None.
        others: what other fields shall hold, by name.
        heard: the file as it was when it was listened to, or None: other music in its place
            gets no genre of that.
        on_placed: told, in the thread that writes, how the file is once it has been replaced.
    """

    path: Path
    genres: Sequence[str] | None
    options: WriteOptions = field(default_factory=WriteOptions)
    expected: TagInfo | None = None
    others: Mapping[str, Sequence[str]] = field(default_factory=dict)
    heard: Entry | None = None
    on_placed: Callable[[os.stat_result], None] | None = None
