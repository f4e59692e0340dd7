"""What can be done with a container: who decodes it, where its tags stand, why not more.

The tags are told by the modules that handle them (`tagger.tags`), the decoders by what is
installed: a build of FFmpeg may lack one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import av
import soundfile

from tagger.library.walk import AUDIO_SUFFIXES
from tagger.tags.registry import containers, family_of, why_no_tags


@dataclass(frozen=True, slots=True)
class Sound:
    """Who may decode a container.

    Attributes:
        suffixes: of its files.
        libsndfile: its name there, or None.
        demuxer: its name in FFmpeg, or None.
        codecs: decoders of FFmpeg, any of which is worth opening it for.
    """

    suffixes: str
    libsndfile: str | None
    demuxer: str | None
    codecs: str = ""


_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
SOUNDS: Mapping[str, Sound] = {
    "mp3": Sound(".mp3 .mp2 .mp1 .mpga", "MP3", "mp3", "mp3 mp2"),
    "tta": Sound(".tta", None, "tta", "tta"),
    "aac": Sound(".aac .adts", None, "aac", "aac"),
    "wav": Sound(".wav .wave", "WAV", "wav", "pcm_s16le"),
    "rf64": Sound(".wav .rf64", "RF64", "wav", "pcm_s16le"),
    "aiff": Sound(".aif .aiff .aifc", "AIFF", "aiff", "pcm_s16be"),
    "dff": Sound(".dff", None, "iff", "dsd_msbf dst"),
    "dsf": Sound(".dsf", None, "dsf", "dsd_lsbf_planar"),
    "flac": Sound(".flac", "FLAC", "flac", "flac"),
    "ogg-vorbis": Sound(".ogg .oga", "OGG", "ogg", "vorbis"),
    "opus": Sound(".opus", "OGG", "ogg", "opus"),
    "speex": Sound(".spx", None, "ogg", "speex libspeex"),
    "ogg-flac": Sound(".oga .ogg", "OGG", "ogg", "flac"),
    "mp4": Sound(".m4a .m4b .m4r .mp4 .alac .f4a .mov .3gp .3g2", None, _MP4, "aac alac"),
    "asf": Sound(".wma .asf", None, "asf", "wmav2 wmapro wmalossless"),
    "ape": Sound(".ape", None, "ape", "ape"),
    "wavpack": Sound(".wv", None, "wv", "wavpack"),
    "musepack": Sound(".mpc .mp+ .mpp", None, "mpc", "mpc7 mpc8"),
    "tak": Sound(".tak", None, "tak", "tak"),
    "optimfrog": Sound(".ofr", None, None),
    "ogg": Sound(".ogg .oga", None, "ogg", "vorbis"),
    "w64": Sound(".w64", "W64", "w64", "pcm_s16le"),
    "au": Sound(".au .snd", "AU", "au", "pcm_s16be"),
    "caf": Sound(".caf", "CAF", "caf", "alac pcm_s16le"),
    "matroska": Sound(".mka .webm .weba", None, "matroska,webm", "opus vorbis aac"),
    "aac-adif": Sound(".aac", None, "aac", "aac"),
    "ac3": Sound(".ac3", None, "ac3", "ac3"),
    "midi": Sound(".mid", None, None),
}
"""One line a container; each is tried against what is installed."""


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
    found = [_format(name) for name in containers() if name != "unknown"]
    named = {suffix for one in found for suffix in one.suffixes}
    rest = tuple(sorted(AUDIO_SUFFIXES - named))
    note = "FFmpeg opens what it knows; no tag is read or written"
    return [*found, Format("others", rest, ("FFmpeg",), (), None, None, note)]


def has_decoder(codec: str) -> bool:
    """Whether this FFmpeg decodes a codec, under the name of the codec or of the decoder."""
    try:
        av.codec.Codec(codec, "r")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _format(container: str) -> Format:
    sound, family = SOUNDS[container], family_of(container)
    decoders = _decoders(sound)
    suffixes = tuple(sound.suffixes.split())
    if family is None:
        note = why_no_tags(container) or ""
        return Format(container, suffixes, decoders, (), None, None, note)
    about = family.ABOUT
    note = about.limits.get(container, "")
    if not decoders:
        note = "only tags: no decoder for it is at hand"
    return Format(container, suffixes, decoders, about.reads, about.writes, about.several, note)


def _decoders(sound: Sound) -> tuple[str, ...]:
    """The decoders that are here, libsndfile first, since it is asked first."""
    found = []
    if sound.libsndfile in soundfile.available_formats():
        found.append("libsndfile")
    if sound.demuxer in av.formats_available and any(map(has_decoder, sound.codecs.split())):
        found.append("FFmpeg")
    return tuple(found)
