"""What the shipped model is learned from, as a folder: `learning_data.py OUT --music M`.

OUT, a new folder, is what `tagger train --config train/configs/default.yaml --data OUT` takes.
It is made of links, and of a table: the excerpts of `recordings/` (whole ones, W, take their
places), the halves of `library`, `genres-8k` and `techno-clips` and of the speech in
`speech-music-8k` that do not measure (`halves.py`), GTZAN's recordings by their published
split, and synthesised noise. M is any music; `--labels` names a table of those in it whose
artists somebody knew (file, label, artist, sure); those that share an artist with a recording
that measures (`artists.py`) are left out, of M too. B is a model of the same labels that is to
teach as well. Nothing is copied but the noise, which is made.
"""

import argparse
import csv
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import soundfile
from artists import artists_of, measured_artists
from halves import is_measured, owner_of
from measure import data_folder

from tagger.errors import TaggerError
from tagger.library.walk import find_tracks
from tagger.tags import read_tags
from train.datasets.audio import audio_files
from train.datasets.noise import split_of, waveform

TAGS = (("metal", "metal"), ("punk", "punk"), ("blues", "blues"))
"""A tag that holds the text has the label; others name rock, or nothing that a label says."""

AMBIGUOUS = ("hardcore", "folk", "pop")
N_NOISES, NOISE_RATE = 336, 16_000

Row = dict[str, str]


def excerpts(data: Path) -> Iterator[Row]:
    """The rows of `recordings/`, with places of their own."""
    folder = data / "recordings"
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield _row(folder / row["path"], row["label"], row["group"], row["split"])


def halves(data: Path) -> Iterator[Row]:
    """What does not measure of the other collections."""
    for path in find_tracks([data / "genres-8k"]):
        yield _row(path, path.parent.name, f"8k {owner_of(path)}")
    for path in find_tracks([data / "techno-clips"]):
        yield _row(path, "electronic", f"techno {owner_of(path)}")
    for path in find_tracks([data / "library"]):
        yield _row(path, _label_of(path), f"library {owner_of(path)}")
    for path in find_tracks([data / "speech-music-8k" / "speech"]):
        yield _row(path, "speech", f"speech {owner_of(path)}")


def _label_of(path: Path) -> str:
    try:
        genres = [genre.lower() for genre in read_tags(path).genres]
    except TaggerError:
        return "unknown"
    for genre in genres:
        if "metal" not in genre and any(word in genre for word in AMBIGUOUS):
            continue
        for text, label in (*TAGS, ("rock", "rock")):
            if text in genre:
                return label
    return "unknown"


def by_artist(table: Path, music: Path, data: Path) -> tuple[list[Row], frozenset[Path]]:
    """What a table says of recordings in `music`, and which share an artist with what measures.

    Labels that somebody only guessed (`sure` is low) are left out.
    """
    measured, kept, left_out = measured_artists(data), [], set()
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path, artist = music / row["file"], row["artist"].strip().casefold()
            if artists_of(artist) & measured:
                left_out.add(path.resolve())
            elif row["sure"] != "low" and path.is_file():
                group = f"artist {artist or row['file']}"
                kept.append(_row(path, row["label"], group, "train"))
    return kept, frozenset(left_out)


def link_music(music: Path, folder: Path, *, without: Collection[Path]) -> None:
    """Links in `folder` to the recordings in `music`, but for some of them."""
    for path in audio_files(music):
        if path.resolve() not in without:
            link = folder / path.relative_to(music)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def gtzan(data: Path) -> Iterator[Row]:
    """GTZAN's recordings by their published split."""
    folder = data / "gtzan-audio"
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            genre = "hip-hop" if row["genre"] == "hiphop" else row["genre"]
            yield _row(folder / row["path"], genre, f"gtzan {row['id']}", row["split"])


def noises(folder: Path) -> Iterator[Row]:
    """What is no music, synthesised and written to `folder`. A third only measures."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(N_NOISES):
        path = folder / f"{i:03d}.wav"
        soundfile.write(path, waveform(i, sample_rate=NOISE_RATE), NOISE_RATE)
        yield _row(path, "noise", f"noise {i}", split_of(i))


def _row(path: Path, label: str, group: str, split: str = "") -> Row:
    return {"path": str(path.resolve()), "label": label, "group": group, "split": split}


def refuse_filled(out: Path) -> None:
    """End the program, before anything is written, where something lies in its folder."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        sys.exit(
            f"{out}: is not empty, and is not written over. Name a new folder, or delete it."
        )


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--whole", type=Path, help="whole recordings, named as the excerpts")
    parser.add_argument("--music", type=Path, required=True, help="music without labels")
    parser.add_argument("--labels", type=Path, help="what is known of some of it")
    parser.add_argument("--before", type=Path, help="an earlier model, in float32")
    given = parser.parse_args()
    refuse_filled(given.out)
    data, folder = data_folder().resolve(), given.out / "recordings"
    folder.mkdir(parents=True, exist_ok=True)
    learned = [
        {**row, "split": "train"} for row in halves(data) if not is_measured(Path(row["path"]))
    ]
    named, left_out = (
        by_artist(given.labels, given.music, data) if given.labels else ([], frozenset())
    )
    rows = [*excerpts(data), *learned, *named, *gtzan(data), *noises(given.out / "noise")]
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    link_music(given.music, given.out / "unlabelled", without=left_out)
    links = {"teachers": data / "teachers"}
    if given.whole is not None:
        links["recordings/whole"] = given.whole
    if given.before is not None:
        links["before.onnx"] = given.before
    for name, target in links.items():
        (given.out / name).symlink_to(target.resolve(), target_is_directory=target.is_dir())
    parts = f"{len(learned)} of them halves, {len(named)} named"
    print(f"{given.out}: {len(rows)} recordings, {parts}")
    if given.labels:
        print(
            f"{given.labels}: {len(left_out)} left out, who share an artist with what measures"
        )


if __name__ == "__main__":
    main()
