"""Which kind of stream an Ogg file holds."""

from dataclasses import dataclass

from tagger.tags.base import Source

_STREAMS: tuple[tuple[bytes, str], ...] = (
    (b"\x01vorbis", "ogg-vorbis"),
    (b"OpusHead", "opus"),
    (b"Speex   ", "speex"),
    (b"\x7fFLAC", "ogg-flac"),
)


@dataclass(frozen=True, slots=True)
class OggStream:
    """The logical stream of an Ogg file that carries the audio and its comment."""

    container: str
    serial: int


def ogg_stream(source: Source) -> OggStream | None:
    """The first logical stream we know among the first pages (a skeleton may come before)."""
    offset = 0
    for _ in range(16):
        header = source.read(offset, 27 + 255)
        # Flag 2 marks the first page of a stream; these stand in front of all others.
        if header[:4] != b"OggS" or len(header) < 28 or not header[5] & 2:
            return None
        n_segments = header[26]
        body = source.read(offset + 27 + n_segments, 16)
        for magic, container in _STREAMS:
            if body.startswith(magic):
                return OggStream(container, int.from_bytes(header[14:18], "little"))
        offset += 27 + n_segments + sum(header[27 : 27 + n_segments])
    return None
