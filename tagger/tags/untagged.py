"""Containers of which no tag is read or written, each with the reason why."""

from collections.abc import Collection

from tagger.tags.base import Container, Family, Patch, Range, TagFile
from tagger.tags.fields import Edits, Field
from tagger.tags.places import GenrePlaces

_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ZEROS_LEN = 64 << 10

_WHY = {
    "ogg": "It is an Ogg stream of a kind whose comments are not known.",
    "w64": "It is a Sony Wave64 file, which has no place for tags.",
    "au": "It is a Sun/NeXT AU file, which has no place for tags.",
    "caf": "It is a Core Audio file, which has no place for a genre that players read.",
    "aac-adif": "It is raw AAC (ADIF), which has no place for tags.",
    "ac3": "It is raw AC-3, which has no place for tags.",
    "midi": "It is a MIDI file, which holds notes and no sound.",
    "unknown": "It is not an audio container that tagger knows.",
}
_ZEROS = "It begins with zeros, and no audio is found as far behind them as decoders look."


class UntaggedFile(TagFile):
    """A file that is payload from its first byte to its last."""

    def values(self, field: Field) -> tuple[str, ...]:  # noqa: ARG002
        """None of any field."""
        return ()

    def genre_places(self) -> GenrePlaces:
        """No place."""
        return GenrePlaces(())

    def refusal(self) -> str:
        """Why the container has no tags."""
        # Zeros in front are a failed download as often as anything: that is worth saying.
        if self.container == "unknown" and not self.source.read(0, _ZEROS_LEN).strip(b"\0"):
            return _ZEROS
        return _WHY[self.container]

    def plan(self, edits: Edits) -> list[Patch]:
        """Nothing can be changed."""
        raise NotImplementedError(f"{self.container} has no {', '.join(map(str, edits))}")

    def others(self, fields: Collection[Field]) -> list[bytes]:  # noqa: ARG002
        """None."""
        return []

    def ranges(self) -> list[Range]:
        """The whole file, since no tag of it is ever written."""
        return [(0, self.source.size)]


FAMILY = Family(
    containers=(
        Container("ogg", ".ogg .oga", (b"OggS",), None, "ogg", "vorbis", _WHY["ogg"]),
        Container("w64", ".w64", (_W64,), "W64", "w64", "pcm_s16le", _WHY["w64"]),
        Container("au", ".au .snd", (b".snd",), "AU", "au", "pcm_s16be", _WHY["au"]),
        Container("caf", ".caf", (b"caff",), "CAF", "caf", "alac pcm_s16le", _WHY["caf"]),
        Container("aac-adif", ".aac", (b"ADIF",), None, "aac", "aac", _WHY["aac-adif"]),
        Container("ac3", ".ac3", (b"\x0bw",), None, "ac3", "ac3", _WHY["ac3"]),
        Container("midi", ".mid", (b"MThd",), limits=_WHY["midi"]),
        Container("unknown", limits=_WHY["unknown"]),
    ),
    open=UntaggedFile,
)
