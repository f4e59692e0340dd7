"""What is stored of names that are gone."""

from tagger import Tagger
from tests.tones import write_chords


def stored(tagger):
    with tagger.held_state().reading() as connection:
        names = connection.execute(
            "SELECT CAST(folder.path || '/' || file.name AS TEXT) FROM file"
            " JOIN folder ON folder.id = file.folder ORDER BY 1"
        ).fetchall()
        (n_scored,) = connection.execute("SELECT count(*) FROM result").fetchone()
    return [name for (name,) in names], n_scored


def test_only_what_is_gone_is_forgotten(tmp_path):
    """A file, and a folder with all below it; not its neighbours, nor what was scored."""
    music = tmp_path / "music"
    names = ["a.flac", "b.flac", "x/c.flac", "x/y/d.flac", "x0/e.flac", "x-/f.flac"]
    for i, name in enumerate(names):
        write_chords(music / name, 262 + 20 * i, seconds=1)
    with Tagger(device="cpu", state=tmp_path / "s.db", settings={}) as tagger:
        assert len(list(tagger.scan([music]))) == 6
        before, n_scored = stored(tagger)
        assert before == sorted(str(music / name) for name in names)
        assert n_scored > 0
        (music / "a.flac").unlink()
        (music / "x").rename(tmp_path / "away")
        tagger.forget_gone([music / "a.flac", music / "b.flac", music / "x", music / "never"])
        left = sorted(str(music / name) for name in ("b.flac", "x0/e.flac", "x-/f.flac"))
        assert stored(tagger) == (left, n_scored)
        (tmp_path / "away").rename(music / "x")
        back = list(tagger.scan([music]))
        assert len(back) == 5
        assert stored(tagger)[1] == n_scored
