"""The genre tags of audio files: what they say, whatever the container.

One module per container family; `tagger.safewrite` changes files with what they plan.
"""

from pathlib import Path

from tagger.errors import TagError
from tagger.tags.base import DEFAULT_SEPARATOR, TagInfo, open_source
from tagger.tags.detect import container_of
from tagger.tags.registry import info_of, translated

__all__ = ["DEFAULT_SEPARATOR", "TagInfo", "read_tags"]


def read_tags(path: Path, *, id3v23_separator: str = DEFAULT_SEPARATOR) -> TagInfo:
    """The container and the genres of one file, in the time of a few short reads.

    What the file contains decides, not its name. A genre in ID3v1, in an APEv2 tag of an mp3
    or in RIFF INFO counts where the main tag has none, and so does MP4's numeric `gnre`.

    Args:
        path: a regular file or a link to one; anything else is refused without waiting.
        id3v23_separator: ID3v2.2 and 2.3 hold one string; it is split here into genres.
            Give the separator that is used for writing, or what was written reads as one.

    Returns:
        The genres in the file's order, and why none can be written, if so.

    Raises:
        TagError: the file cannot be opened, or its tags are damaged.
    """
    with translated(path, TagError, "the tags cannot be read"), open_source(path) as source:
        return info_of(source, container_of(source), id3v23_separator)
