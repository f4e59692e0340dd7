"""The tags of audio files that concern genres: what they say, whatever the container.

One module per container family, one line per field in `fields.py`; `tagger.writing.safe_write`
changes files with what they plan.
"""

from collections.abc import Sequence
from pathlib import Path

from tagger.errors import TagError
from tagger.tags.base import TagInfo, open_source
from tagger.tags.fields import AS_IS, DEFAULT_SEPARATOR, Style, field_named
from tagger.tags.registry import info_of, translated
from tagger.tags.sniff import container_of

__all__ = ["DEFAULT_SEPARATOR", "Style", "TagInfo", "read_tags"]


def read_tags(path: Path, *, style: Style = AS_IS, fields: Sequence[str] = ()) -> TagInfo:
    """The container, the genres and other fields of one file, in the time of a few short reads.

    What the file contains decides, not its name. A genre in ID3v1, in an APEv2 tag of an mp3
    or in RIFF INFO counts where the main tag has none, and so does MP4's numeric `gnre`.

    Args:
        path: a regular file or a link to one; anything else is refused without waiting.
        style: how values are spelled: ID3v2.2 and 2.3 hold one string, which is split at its
            separator. Give the style that is used for writing, or what was written reads as
            one.
        fields: names of fields that are read beside the genre.

    Returns:
        The values in the file's order, and why none can be written, if so.

    Raises:
        TagError: the file cannot be opened, or its tags are damaged.
        InputError: a name cannot be that of a field.
    """
    requested = [field_named(name) for name in fields]
    with translated(path, TagError, "the tags cannot be read"), open_source(path) as source:
        return info_of(source, container_of(source), style, requested)
