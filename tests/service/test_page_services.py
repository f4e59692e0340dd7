"""The page at services of its own: a large one, one that works, one that ends, a locked one."""

import sqlite3

import httpx
from obstore.exceptions import GenericError

from tagger.service.schemas.tracks import Upload
from tests.chrome import chrome
from tests.service.browser import Tab, bound, is_quiet, needs_chrome, serving, tab, write_song
from tests.service.conftest import make_options, working
from tests.service.sure_model import save_sure_model

N_MANY = 100_000


@needs_chrome
def test_a_hundred_thousand_tracks_are_a_few_rows_of_html(tmp_path):
    """Only what is on the screen exists, from the first row to the last."""
    options = make_options(tmp_path)
    with serving(options):
        pass  # makes the tables
    with sqlite3.connect(options.data / "tagger.db") as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO track (id, source, raw_path, folder, name, title, artist, album,"
            " name_key, title_key, artist_key, album_key, search, container, size, mtime_ns,"
            " has_cover, status, decision, is_edited, genres, proposed, suggested, top_label,"
            " top_score, model, added_at, seen, version)"
            " SELECT i, 'library', CAST(i AS BLOB), printf('Folder %04d/', i / 100),"
            " printf('%06d.mp3', i), printf('Title %d', i), 'Artist', 'Album',"
            " printf('%06d.mp3', i), printf('title %d', i), 'artist', 'album',"
            " printf('title %d artist', i), 'mp3', 1, 1, 0, 'proposed', 'open', 0, '[]',"
            " '[\"Rock\"]', '[\"Rock\"]', 'Rock', 0.5, '', 0, 0, 1 FROM n",
            (N_MANY,),
        )
    with tab(options, tmp_path / "profile") as page:
        page.open()
        page.shows("#count", "100,000 tracks")
        page.shows(".item[data-at='0']", "Title 1")
        for share, at in ((0.5, N_MANY // 2), (1, N_MANY - 1)):
            page.run(f"(one => {{ one.scrollTop = one.scrollHeight * {share}; }})(grid)")
            page.shows(f".item[data-at='{at}']", f"Title {at + 1}")
            assert page.run("document.querySelectorAll('.item').length") < 60
        assert page.run("document.querySelectorAll('*').length") < 1500
        assert is_quiet(page)


@needs_chrome
def test_a_scan_is_seen_live(tmp_path):
    """A job is shown while it waits; its end is told, and the rows are those after it."""
    options = make_options(tmp_path, model=save_sure_model(tmp_path / "sure.onnx"))
    song = write_song(tmp_path / "song.flac", 300)
    with tab(options, tmp_path / "profile") as page:
        page.open()
        page.drop([song])
        page.shows("#jobs", "waiting")
        page.shows(".item .status", "not scanned yet")
        assert page.run("document.querySelector('.job [role=progressbar]').ariaValueNow") == "0"
        with working(options):
            page.shows("#toasts", "done")
            page.wait("document.querySelectorAll('.job').length === 0")
            page.shows(".item .status", "to review")
        assert is_quiet(page)


PIECES = """
import('/assets/uploads.js').then(({Uploads}) => {
  const drawn = {draw() {}}, file = new File(["#".repeat(9e6)], "x.flac");
  return Uploads.prototype.inPieces.call(drawn, {name: "x.flac", folder: "", file, n_sent: 0});
}).then(() => "kept", error => error.detail)
"""


@needs_chrome
def test_a_piece_that_failed_is_sent_from_where_it_stopped(tmp_path, monkeypatch):
    """What came of it before the service could not go on is there already."""
    kept, tries = [], []

    def keep(service, path, **_):
        tries.append(path)
        if len(tries) == 1:
            raise GenericError("503")
        kept.append(path.stat().st_size)
        return Upload(track=row, is_new=True)

    options = make_options(tmp_path)
    song = write_song(tmp_path / "song.flac", 300).read_bytes()
    with tab(options, tmp_path / "profile") as page:
        page.open()
        given = {"params": {"name": "s.flac"}, "content": song}
        row = httpx.post(f"{page.address}api/v1/uploads", **given).json()["track"]
        monkeypatch.setattr("tagger.service.routes.uploads.keep_upload", keep)
        assert page.run(PIECES) == "kept"
    assert kept == [9_000_000]


@needs_chrome
def test_the_page_outlives_the_service(tmp_path):
    """While nobody answers it says so; when the service is back, so is the list."""
    options = make_options(tmp_path)
    with chrome(tmp_path / "profile") as browser, bound() as kept:
        port = kept.getsockname()[1]  # nobody else gets it while the service is away
        with serving(options, port=port) as address:
            page = Tab(browser, address)
            page.open()
            page.shows("#grid", "No tracks yet")
        page.shows("#jobs", "does not answer")
        page.run("location.hash = '#/tracks?q=x'")
        page.shows("#grid", "does not answer")
        with serving(options, port=port):
            page.wait("document.querySelector('#jobs .away').hidden")
            page.shows("#grid", "Nothing matches")


@needs_chrome
def test_a_token_is_asked_for_where_one_is_needed(tmp_path):
    """Without it nothing is shown; with it all is, and no script can read it."""
    secret = "a-secret-of-the-tests"
    tokens = tmp_path / "tokens"
    tokens.write_text(f"anna read,edit {secret}\n")
    with tab(make_options(tmp_path, token_file=tokens), tmp_path / "profile") as page:
        page.page.visit(page.address, until="!!document.querySelector('dialog input')")
        page.page.type("wrong-secret-of-nobody")
        page.press("Enter")
        page.shows("#toasts", "token file")
        page.run("location.reload()")
        page.wait("document.activeElement?.id === 'token'")
        page.page.type(secret)
        page.press("Enter")
        page.wait("document.documentElement?.dataset.ready")
        assert secret not in page.run("document.cookie")
        assert page.run("document.getElementById('write').hidden") is True
        assert page.run("document.getElementById('upload').hidden") is False
