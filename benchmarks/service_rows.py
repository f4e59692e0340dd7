"""A library of any size, as rows of the service's database and nothing else."""

import random

from sqlalchemy import insert

from tagger.service.db.engine import open_database
from tagger.service.db.migrate import migrate
from tagger.service.db.models import Facet, Track
from tagger.service.texts import fold, key

GENRES = ("Rock", "Jazz", "Techno", "Ambient", "Hip-Hop", "Folk", "Metal", "Soul", "Pop")


def fill(url: str, n_tracks: int, *, source: str = "library") -> None:
    """Rows of tracks, twelve in an album, ten albums an artist."""
    dice = random.Random(0)  # noqa: S311, a fixed library
    database = open_database(url)
    migrate(database)
    for start in range(0, n_tracks, 5_000):
        numbers = range(start, min(start + 5_000, n_tracks))
        rows = [_row(index, dice) | {"source": source} for index in numbers]
        facets = [facet for row in rows for facet in _facets(row)]
        with database.writing() as session:
            session.execute(insert(Track), rows)
            session.execute(insert(Facet), facets)
    with database.engine.connect().execution_options(
        isolation_level="AUTOCOMMIT"
    ) as connection:
        connection.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE")
    database.close()


def _row(index: int, dice: random.Random) -> dict:
    artist, album = f"Artist {index // 120:04d}", f"Album {index // 12 % 10}"
    title = "Zanzibar" if index % 20_011 == 0 else f"Song number {index}"
    name, folder = f"{index % 12 + 1:02d} {title}.flac", f"{artist}/{album}/"
    scores = {genre: round(dice.random() ** 4, 3) for genre in GENRES}
    best = max(scores, key=scores.get)
    status = dice.choices(["proposed", "kept", "abstained", "failed"], [40, 40, 19, 1])[0]
    return {
        "id": index + 1, "source": "library", "raw_path": f"{folder}{name}".encode(),
        "folder": folder, "name": name, "title": title, "artist": artist, "album": album,
        "name_key": key(name), "title_key": key(title), "artist_key": key(artist),
        "album_key": key(album), "search": fold(f"{title} {artist} {album} {folder}{name}"),
        "status": status, "decision": "open", "genres": [dice.choice(GENRES)],
        "proposed": [best] if status == "proposed" else [], "suggested": [], "scores": scores,
        "top_label": best, "top_score": scores[best], "added_at": float(index),
        "container": "flac", "size": 20_000_000, "duration_s": 240.0,
    }  # fmt: skip


def _facets(row: dict) -> list[dict]:
    facets = [("n", genre, 1.0) for genre in row["genres"]]
    facets += [("p", genre, 1.0) for genre in row["proposed"]]
    facets += [("s", label, score) for label, score in row["scores"].items() if score >= 0.05]
    return [
        {
            "track_id": row["id"],
            "kind": kind,
            "name": key(label),
            "label": label,
            "score": score,
        }
        for kind, label, score in facets
    ]
