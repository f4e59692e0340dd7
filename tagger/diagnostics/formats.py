"""What can be done with a container: who decodes it, where its tags stand, why not more.

The tags are told by the modules that handle them (`tagger.tags`), the decoders by what is
installed: a build of FFmpeg may lack one.
"""

from dataclasses import asdict, dataclass
from typing import Any

import av
import soundfile

from tagger.library.walk import AUDIO_SUFFIXES
from tagger.tags.base import Container, Family
from tagger.tags.registry import containers


@dataclass(frozen=True, slots=True)
class Format:
    """What can be done with a container; the fields are those of `--json`.

    Attributes:
        container: as results name it; 'others' for all that only FFmpeg knows.
        suffixes: usual ones; what a file contains decides.
        decoders: who decodes it, in the order in which they are asked.
        reads: kinds of tags that are read, in the order in which they count.
        writes: the kind that is written; None if none is.
        several: how several genres are kept apart; None where none are written.
        note: why only tags or only audio can be handled, or what else is to be known.
    """

    container: str
    suffixes: tuple[str, ...]
    decoders: tuple[str, ...]
    reads: tuple[str, ...]
    writes: str | None
    several: str | None
    note: str

    def to_record(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return asdict(self)


def formats() -> list[Format]:
    """Every container that is known, and one line for all others."""
    listed = [_format(*container) for container in containers() if container[1].suffixes]
    named = {suffix for family in listed for suffix in family.suffixes}
    rest = tuple(sorted(AUDIO_SUFFIXES - named))
    note = "FFmpeg opens what it knows; no tag is read or written"
    return [*listed, Format("others", rest, ("FFmpeg",), (), None, None, note)]


def has_decoder(codec: str) -> bool:
    """Whether this FFmpeg decodes a codec, under the name of the codec or of the decoder."""
    try:
        av.codec.Codec(codec, "r")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _format(family: Family, container: Container) -> Format:
    decoders, note = _decoders(container), container.limits
    # Tags of such files are written all the same: they need no decoder.
    if family.writes and not decoders:
        note = "tags only: no decoder for it is installed"
    return Format(
        container.name,
        tuple(container.suffixes.split()),
        decoders,
        family.reads,
        family.writes,
        family.several,
        note,
    )


def _decoders(container: Container) -> tuple[str, ...]:
    """The decoders that are here, libsndfile first, since it is asked first."""
    decoders, codecs = [], container.codecs.split()
    if container.libsndfile in soundfile.available_formats():
        decoders.append("libsndfile")
    if container.demuxer in av.formats_available and any(map(has_decoder, codecs)):
        decoders.append("FFmpeg")
    return tuple(decoders)
