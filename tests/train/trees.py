"""Data sets in miniature: exactly the real layout and names, a handful of clips."""

import csv

from tests.tones import write_tone
from train.datasets.mtat import TAGS


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def mtat(root, *, folders="0123456789abcdef", make=touch):
    """annotations_final.csv as published (tab-separated, quoted) and a clip a folder.

    The last clip has no tag of the top 50; the first of folder 6 is one of the broken ones.
    """
    root.mkdir(parents=True, exist_ok=True)
    tags = [*TAGS, "bongos", "lol"]
    with (root / "annotations_final.csv").open("w", newline="") as file:
        table = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL)
        table.writerow(["clip_id", *tags, "mp3_path"])
        for i, folder in enumerate(folders):
            name = f"{folder}/artist_{i}-some_record-01-a_song-0-29.mp3"
            has = {TAGS[i % 50], TAGS[(i + 7) % 50]} if i < len(folders) - 1 else {"lol"}
            clip = 35644 if folder == "6" else i + 2
            table.writerow([clip, *(int(tag in has) for tag in tags), name])
            make(root / name)
    return root


def gtzan(root, *, inner="genres_original", ids, suffix=".wav", make=touch):
    """Ten folders with the clips of these ids, as blues/blues.00000.wav."""
    for id_ in ids:
        make(root / inner / id_.split(".")[0] / f"{id_}{suffix}")
    return root


def fma(root, rows, *, size="small", make=touch):
    """fma_metadata with its three header lines, and recordings in folders of thousands.

    Args:
        root: where to make it.
        rows: (track, split, subset, top genre, all genre ids, artist id).
        size: the name of the folder of recordings.
        make: makes a recording.
    """
    tables = root / "fma_metadata"
    tables.mkdir(parents=True)
    with (tables / "tracks.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["", "album", "artist", "set", "set", "track", "track", "track"])
        table.writerow(["", "id", "id", "split", "subset", "genre_top", "genres_all", "title"])
        table.writerow(["track_id", "", "", "", "", "", "", ""])
        for track, split, subset, top, every, artist in rows:
            table.writerow([track, 1, artist, split, subset, top, every, 'A "title", too'])
            make(root / f"fma_{size}" / f"{track:06d}"[:3] / f"{track:06d}.mp3")
    with (tables / "genres.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["genre_id", "#tracks", "parent", "title", "top_level"])
        table.writerows(
            [[10, 5, 0, "Pop", 10], [12, 5, 0, "Rock", 12], [25, 5, 12, "Punk", 12]]
        )
    return root


def jamendo(root, *, split=0, make=touch):
    """The three tables of a split, ends of line as published, and recordings of low quality."""
    folder = root / "data" / "splits" / f"split-{split}"
    folder.mkdir(parents=True)
    for i, side in enumerate(("train", "validation", "test")):
        lines = ["TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"]
        for n in range(2):
            track = 10 * i + n
            tags = "\tgenre---rock" if n else "\tgenre---rock\tgenre---jazz"
            path = f"{track % 100:02d}/{track}.mp3"
            lines.append(f"track_{track:07d}\tartist_{i:06d}\talbum_1\t{path}\t9.1{tags}")
            make(root / "audio" / f"{track % 100:02d}" / f"{track}.low.mp3")
        text = "\r\n".join(lines) + "\r\n"
        (folder / f"autotagging_genre-{side}.tsv").write_text(text, newline="")
    return root


def genres(root, *, n_clips=12, seconds=2.0, labels=("high", "low")):
    """A folder a genre of short tones that a network can tell apart."""
    for i, label in enumerate(labels):
        for n in range(n_clips):
            hz = (1500, 200, 600)[i] * (1 + 0.01 * n)
            write_tone(root / label / f"{label}{n}.wav", hz, seconds=seconds)
    return root
