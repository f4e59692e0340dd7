"""Which recordings of other collections measure and which may be learned from.

Half of each, by the MD5 of the artist (of the track where there is no artist), so that adding
recordings moves none from one side to the other.
"""

import hashlib
from pathlib import Path


def is_measured(path: Path) -> bool:
    """Whether a recording of `genres-8k`, `library`, `techno-clips` or speech only measures."""
    return (
        int(hashlib.md5(owner_of(path).encode(), usedforsecurity=False).hexdigest(), 16) % 2 > 0
    )


def owner_of(path: Path) -> str:
    """Who is never on both sides: the artist, or the recording itself.

    >>> owner_of(Path("library/AC_DC/x.mp3"))
    'acdc'
    >>> owner_of(Path("genres-8k/blues/Andy_Kimbel-Red_Hot_Blues.ogg"))
    'andy_kimbel'
    """
    names = path.parts[-3:]
    if "library" in names:
        return path.parent.name.lower().replace("/", "").replace("_", "")
    if "genres-8k" in names:
        return path.stem.partition("-")[0].strip("_ ").lower()
    return path.stem
