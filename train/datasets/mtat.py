"""mtat: MagnaTagATune, 25,863 clips of 29 s with tags that listeners agreed on.

Where from: E. Law et al., Evaluation of Algorithms Using Games, ISMIR 2009;
    https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset: annotations_final.csv and
    mp3.zip.001 to mp3.zip.003, which are parts of one archive.
Licence: Magnatune's recordings, CC BY-NC-SA 1.0; for research.
Checksums: none were published.
Splits: by folder, as everybody has it: 0 to b train, c valid, d, e and f test. The default
    keeps only clips with a top-50 tag (1,529 valid, 4,332 test), `mtat:all` keeps every clip;
    figures of the two cannot be compared.
Labels: the 50 most frequent tags, most frequent first, any number a clip.
Index: annotations_final.csv (tab-separated): clip_id, 188 tags, mp3_path; the folders 0 to f
    beside it, or in audio/ or mp3/. Where they are not there, the parts (or mp3.zip, which
    they make) are unpacked into mp3/.
"""

import csv
from pathlib import Path

import numpy as np

from tagger.errors import InputError
from train.datasets.archives import is_half_unpacked, parts_of, unpack
from train.datasets.audio import AudioSet, Where, check_variant, only_present, without
from train.datasets.dataset import Dataset

TABLE = "annotations_final.csv"
ARCHIVES, UNPACKED = ("mp3.zip", "mp3_all.zip"), "mp3"
TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast",
    "piano", "ambient", "beat", "violin", "vocal", "synth", "female", "indian", "opera",
    "male", "singing", "vocals", "no vocals", "harpsichord", "loud", "quiet", "flute",
    "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo", "man", "classic",
    "choir", "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp",
    "cello", "no voice", "weird", "country", "metal", "female voice", "choral",
)  # fmt: skip
SPLIT_OF_FOLDER = dict.fromkeys("0123456789ab", "train") | {
    "c": "valid",
    "d": "test",
    "e": "test",
    "f": "test",
}
BROKEN = ("35644", "55753", "57881")
"""Files of 0 bytes in the published archive."""

VARIANTS = ("filtered", "all")
REMEDY = (
    "Get annotations_final.csv and mp3.zip.001 to .003 from"
    " https://mirg.city.ac.uk/codeapps/the-magnatagatune-dataset into one folder and point"
    " --data at it: the parts are unpacked there, or unpack them yourself (folders 0 to f)."
)


def load(where: Where) -> AudioSet:
    """Read the table and make sure that the clips are there.

    Raises:
        InputError: the table or clips are missing, with what to get from where.
    """
    variant = check_variant("mtat", where.variant, VARIANTS)
    table = where.root / TABLE
    if not table.is_file():
        raise InputError(f"{table}: not found. {REMEDY}")
    rows = _read(table)
    audio = _audio_root(where.root)
    folders = [row["mp3_path"].split("/")[0] for row in rows]
    targets = np.array([[row[tag] == "1" for tag in TAGS] for row in rows], dtype=np.float32)
    clips = AudioSet(
        name=f"mtat:{variant}",
        labels=TAGS,
        paths=tuple(audio / row["mp3_path"] for row in rows),
        ids=np.array([row["clip_id"] for row in rows]),
        targets=targets,
        splits=np.array([SPLIT_OF_FOLDER[folder] for folder in folders]),
        groups=np.array([row["mp3_path"].split("/")[1].split("-")[0] for row in rows]),
        kind="multi",
    )
    clips = without(clips, BROKEN, why="files of 0 bytes in the published archive")
    if variant == "filtered":
        clips = clips.take(np.flatnonzero(clips.targets.any(axis=1)))
    return only_present(clips, where, remedy=REMEDY)


def _read(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t")
        missing = {"clip_id", "mp3_path", *TAGS} - set(reader.fieldnames or ())
        if missing:
            raise InputError(
                f"{table}: the columns {', '.join(sorted(missing)[:5])} are missing; is it the"
                " table of MagnaTagATune, tab-separated?"
            )
        rows = list(reader)
    wrong = [row["mp3_path"] for row in rows if row["mp3_path"][:1] not in SPLIT_OF_FOLDER]
    if wrong:
        raise InputError(f"{table}: {wrong[0]} lies in none of the folders 0 to f.")
    return rows


def _audio_root(root: Path) -> Path:
    """Where the folders 0 to f lie; they are unpacked if only the archive is there."""
    for name in ("", "audio"):
        if _has_folders(root / name):
            return root / name
    inner = root / UNPACKED
    whole = [one for name in ARCHIVES if (one := root / name).is_file()][:1]
    archive = whole or parts_of(root, ARCHIVES[0], n_parts=3)
    if archive and (not _has_folders(inner) or is_half_unpacked(archive[0], inner)):
        unpack(archive, inner)
    return inner if _has_folders(inner) else root


def _has_folders(root: Path) -> bool:
    return any((root / folder).is_dir() for folder in SPLIT_OF_FOLDER)


DATASET = Dataset(name="mtat", load=load, variants=VARIANTS, terms="CC BY-NC-SA 1.0")
