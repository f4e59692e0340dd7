"""Lists, searches and figures: right against a plain filter, and answered from indexes."""

import random
import re

import pytest
from sqlalchemy import text

from tagger.service.db.models import Track
from tagger.service.problems import ProblemError
from tagger.service.queries.facets import set_facets
from tagger.service.queries.filters import conditions
from tagger.service.queries.statistics import folders_below, genre_counts, statistics
from tagger.service.queries.tracks import Paging, page_of, page_query
from tagger.service.schemas.tracks import TrackFilter
from tagger.service.texts import fold, folder_key, key

WORDS = ("Blue", "Öde", "100%", "night_", "Straße", "Tōkyō", "a\\b", "Kind of")
GENRES = ("Jazz", "Hip-Hop", "Drum & Bass", "Soul")


def fill(database, n_tracks, *, seed=0):
    """Tracks of every kind."""
    dice = random.Random(seed)
    with database.writing() as session:
        tracks = [_track(index, dice) for index in range(n_tracks)]
        session.add_all(tracks)
        session.flush()
        set_facets(session, tracks)


def _track(index, dice):
    title, artist = f"{dice.choice(WORDS)} {index}", dice.choice(WORDS)
    folder = folder_key((artist, f"Album {dice.randrange(3)}"))
    name = f"{index:03d} {title}.flac"
    genres = dice.sample(GENRES, dice.randrange(3))
    scores = {one: round(dice.random(), 3) for one in GENRES}
    best = max(scores, key=scores.get)
    status = dice.choice(["proposed", "kept", "abstained", "failed"])
    return Track(
        source="upload", object_key=f"k{index}", content=f"{index}", folder=folder, name=name,
        title=title, artist=artist, name_key=key(name), title_key=key(title),
        artist_key=key(artist), album_key="", search=fold(f"{title} {artist} {folder}"),
        status=status, decision=dice.choice(["open", "accepted", "rejected"]), genres=genres,
        proposed=["Soul"] if status == "proposed" else [], scores=scores, top_label=best,
        top_score=scores[best], added_at=float(index), duration_s=60.0,
    )  # fmt: skip


CASES = {
    "a word": ({"q": "blue"}, lambda t: "blue" in t.search),
    "two words": ({"q": "KIND 1"}, lambda t: "kind" in t.search and "1" in t.search),
    "marks": ({"q": "ode"}, lambda t: "ode" in t.search),
    "a percent sign is a sign": ({"q": "100%"}, lambda t: "100%" in t.search),
    "so is an underscore": ({"q": "t_"}, lambda t: "t_" in t.search),
    "and a backslash": ({"q": "a\\b"}, lambda t: "a\\b" in t.search),
    "artist": ({"artist": "STRASSE"}, lambda t: t.artist == "Straße"),
    "folder": ({"folder": "Blue/"}, lambda t: t.folder.startswith("Blue/")),
    "genre": ({"genre": "soul"}, lambda t: "Soul" in t.genres or "Soul" in t.proposed),
    "best score": ({"min_score": 0.9}, lambda t: t.top_score >= 0.9),
    "a label's score": (
        {"label": "Jazz", "min_score": 0.3, "max_score": 0.5},
        lambda t: 0.3 <= t.scores["Jazz"] <= 0.5,
    ),
    "status": ({"status": ["kept", "failed"]}, lambda t: t.status in {"kept", "failed"}),
    "all at once": (
        {"q": "blue", "status": ["proposed"], "decision": ["open"], "genre": "Soul"},
        lambda t: "blue" in t.search and t.status == "proposed" and t.decision == "open",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_filter_finds_what_a_plain_loop_finds(database, name):
    """Every condition, on both databases, pages of seven, in each order."""
    asked, is_match = CASES[name]
    fill(database, 120)
    with database.reading() as session:
        expected = {one.id for one in session.query(Track) if is_match(one)}
        for sort in ("folder", "artist", "title", "score", "added"):
            found, cursor = [], None
            while True:
                paging = Paging(sort=sort, cursor=cursor, limit=7)
                page = page_of(
                    session, TrackFilter(**asked), paging, is_sqlite=database.is_sqlite
                )
                found += [one.id for one in page.tracks]
                if cursor is None:
                    assert page.total == len(expected)
                if (cursor := page.next_cursor) is None:
                    break
            assert len(found) == len(set(found))
            assert set(found) == expected, sort


@pytest.mark.parametrize("sort", ["folder", "score", "added"])
def test_an_offset_leads_to_the_rows_that_a_scroll_bar_means(database, sort):
    """The same rows in the same order as all of them from the start."""
    fill(database, 60)
    with database.reading() as session:

        def ids(**paging):
            found = page_of(
                session,
                TrackFilter(status=["proposed", "kept"]),
                Paging(sort=sort, **paging),
                is_sqlite=database.is_sqlite,
            )
            return [one.id for one in found.tracks], found.total

        every, total = ids(limit=100)
        assert ids(offset=7, limit=5) == (every[7:12], total)
        assert ids(offset=1000) == ([], total)


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA", "WyJmb2xkZXIiLDEsMiwzXQ", "=" * 7, "é"])
def test_a_cursor_that_is_none_of_ours_is_refused(database, cursor):
    """Whatever somebody makes of it, it is a problem and no crash."""
    with database.reading() as session, pytest.raises(ProblemError, match="cursor"):
        page_of(session, TrackFilter(), Paging(cursor=cursor), is_sqlite=database.is_sqlite)


PLANS = {
    "the list": ({}, "folder", "ix_track_place"),
    "by artist": ({}, "artist", "ix_track_artist"),
    "by title": ({}, "title", "ix_track_title"),
    "by score": ({}, "score", "ix_track_best"),
    "newest": ({}, "added", "pk_track|INTEGER PRIMARY KEY|rowid|SCAN track$"),
    "a folder": ({"folder": "Blue/"}, "folder", "ix_track_place"),
    "a genre": ({"genre": "Jazz"}, "folder", "ix_facet_name|pk_facet|facet_1"),
    "a label's scores": (
        {"label": "Jazz", "min_score": 0.9},
        "folder",
        "ix_facet_name|pk_facet|facet_1",
    ),
    "best scores": ({"min_score": 0.99}, "score", "ix_track_best"),
    "a status": ({"status": ["failed"]}, "folder", "ix_track_status|ix_track_place"),
    "a decision": ({"decision": ["accepted"]}, "folder", "ix_track_decision|ix_track_place"),
    "words": ({"q": "blue"}, "folder", "ix_track_place"),
}


@pytest.mark.parametrize("name", PLANS)
def test_the_page_is_answered_from_an_index(database, name):
    """EXPLAIN names the index of each query that the page makes."""
    asked, sort, index = PLANS[name]
    fill(database, 300)
    query = page_query(
        conditions(TrackFilter(**asked), is_sqlite=database.is_sqlite), Paging(sort=sort)
    )
    with database.writing() as session:
        if not database.is_sqlite:  # of 300 rows a plan without an index is the better one
            session.execute(text("ANALYZE"))
            session.execute(text("SET LOCAL enable_seqscan = off"))
            session.execute(text("SET LOCAL enable_sort = off"))
        compiled = query.compile(session.bind, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        plan = "\n".join(
            str(row[-1]) for row in session.connection().exec_driver_sql(
                explain + str(compiled).replace("%", "%%" if not database.is_sqlite else "%")
            )
        )  # fmt: skip
    assert re.search(index, plan, flags=re.MULTILINE), plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan or asked, plan


def test_statistics_count_what_a_plain_loop_counts(database):
    """Genres now and after a write, by status, without a genre."""
    fill(database, 150)
    with database.reading() as session:
        tracks = session.query(Track).all()
        after = [
            one.proposed
            if one.status == "proposed" and one.decision != "rejected"
            else one.genres
            for one in tracks
        ]
        found = statistics(session)
        assert found.n_without_genre_now == sum(not one.genres for one in tracks)
        for genre in genre_counts(session):
            assert genre.n_now == sum(genre.genre in one.genres for one in tracks)
            assert genre.n_after == sum(genre.genre in one for one in after), genre
        assert found.n_to_write == sum(
            one.status == "proposed" and one.decision == "accepted" for one in tracks
        )


def test_folders_are_counted_with_what_lies_below_them(database):
    """One level at a time."""
    fill(database, 60)
    with database.reading() as session:
        top = folders_below(session, "")
        assert sum(one.n_tracks for one in top) == 60
        assert all(one.has_folders for one in top)
        inside = folders_below(session, top[0].path)
        assert sum(one.n_tracks for one in inside) == top[0].n_tracks
        assert not any(one.has_folders for one in inside)
