"""The beets plugin on a real library database and real files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tagger import read_tags, write_genres
from tests.cli.test_cli import tagger
from tests.tones import write_chords

pytest.importorskip("beets", reason="beets is not installed: pip install '.[beets]'")

from beets import config as beets_config
from beets import ui
from beets.library import Item, Library
from mediafile import MediaFile

from beetsplug.tagger import TaggerPlugin, genre_files, items
from tagger.model.catalogue import DEFAULT, find_model
from tagger.model.load import load_engine
from tagger.settings.config import load_settings

ROOT = Path(__file__).parents[2]
LABELS = ("Blues", "Drum & Bass", "Electronic", "Hip-Hop", "Metal", "Pop", "R&B", "Rock")

LASTFM = """
from beets import plugins


class StandIn(plugins.BeetsPlugin):
    def __init__(self):
        super().__init__()
        self.import_stages = [self.imported]

    def imported(self, session, task):
        for item in task.imported_items():
            if item.title == "a":
                item.genres = ["From The Net"]
                item.store()
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of beets' own, three files beside it; nothing of the user's is touched."""
    monkeypatch.setenv("BEETSDIR", str(tmp_path / "home"))
    monkeypatch.setenv("TAGGER_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "config.toml").write_text("")
    (tmp_path / "home").mkdir()
    for name, hz in (("a", 262), ("b", 330), ("c", 440)):
        path = write_chords(tmp_path / "new" / f"{name}.flac", hz, seconds=3)
        set_title(path, name)
    write_genres(tmp_path / "new" / "c.flac", ["Polka"])
    configure(tmp_path)
    return tmp_path


def set_title(path, title):
    file = MediaFile(path)
    file.title, file.artist, file.album = title, "Nobody", "Chords"
    file.save()


def configure(folder, *, plugins="tagger", importing="autotag: no", **options):
    lines = [
        f"directory: {folder / 'music'}",
        f"library: {folder / 'home' / 'library.db'}",
        f"plugins: {plugins}",
        f"pluginpath: {folder / 'plugins'}",
        f"import: {{copy: yes, {importing}}}",
        "create_backup_before_migrations: no",
        "tagger:",
        "  device: cpu",
        "  threshold: 0.01",
        "  max_genres: 1",
        *(f"  {name}: {value}" for name, value in options.items()),
    ]
    (folder / "home" / "config.yaml").write_text("\n".join(lines) + "\n")


def beet(*args, code=0):
    """Run beets as a user does; returns what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *EXTRA])}
    done = subprocess.run(
        [sys.executable, "-m", "beets", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + (done.stderr if code else "")


EXTRA = [item for item in os.environ.get("PYTHONPATH", "").split(os.pathsep) if item]


def library():
    """Title to genres, as the database has them."""
    printed = beet("ls", "-f", "$title|$genres|$tagger_scores|$tagger_model").splitlines()
    rows = {title: rest for title, *rest in (line.split("|") for line in printed)}
    return {title: (genres, scores, model) for title, (genres, scores, model) in rows.items()}


def in_files(home):
    return {path.stem[-1]: read_tags(path).genres for path in (home / "music").rglob("*.flac")}


def test_an_import_fills_what_has_no_genre(home):
    """Database and files agree; score and model are attributes; what has a genre keeps it."""
    beet("import", "-q", home / "new")
    found = library()
    parents = load_engine(find_model(DEFAULT), device="cpu").spec.parents
    assert set(found) == {"a", "b", "c"}
    assert found["c"][0] == "Polka"
    for title in "ab":
        genres, scores, model = found[title]
        assert genres
        best = scores.split(" 0.")[0].split(" 1.")[0]
        assert best in {genres, parents.get(genres)}
        assert model.startswith("default ")
        (path,) = (home / "music").rglob(f"*{title}.flac")
        assert read_tags(path).genres == (genres,)
    assert beet("ls", "-a", "-f", "$genres").strip()
    printed = tagger("scan", home / "music", "--json", "--score-all", "--no-state").stdout
    records = [json.loads(line) for line in printed.splitlines()]
    assert {
        Path(record["path"]).stem[-1]: "; ".join(record["previous"]) for record in records
    } == {title: genres for title, (genres, *_) in found.items()}
    assert "mtime" not in beet("update", "--pretend")


def test_pretend_changes_nothing_and_write_writes(home):
    """The command only shows unless it is asked to write; policies; undo gives files back."""
    configure(home, auto="no")
    beet("import", "-q", home / "new")
    before = {path: path.read_bytes() for path in (home / "music").rglob("*.flac")}
    shown = beet("tagger")
    assert len([line for line in shown.splitlines() if "(none) -> " in line]) == 2
    assert "2 items would change; --write changes them." in shown
    assert {title: genres for title, (genres, *_) in library().items()} == {
        "a": "", "b": "", "c": "Polka",
    }  # fmt: skip
    appended = beet("tagger", "--pretend", "--policy", "append", "title:c")
    assert "Polka -> Polka; " in appended
    assert {item: item.read_bytes() for item in before} == before
    beet("tagger", "--write", "title:a", "title:b", code=0)  # both words must match: nothing
    assert in_files(home)["a"] == ()
    beet("tagger", "--write", "--policy", "append")
    found = library()
    assert found["c"][0].startswith("Polka; ")
    assert in_files(home) == {t: tuple(g.split("; ")) for t, (g, *_) in found.items()}
    (run,) = [json.loads(line) for line in tagger("runs", "--json").stdout.splitlines()]
    assert (run["about"], run["model"]) == ("beets", "default"), "it teaches nothing"
    tagger("undo")
    assert {item: item.read_bytes() for item in before} == before
    assert "choose one of" in beet("tagger", "-p", "-w", code=1)


def test_files_are_beets_own_to_write(home):
    """`import: write: no` changes the database alone; `beet write` brings it to files."""
    configure(home, importing="autotag: no, write: no")
    beet("import", "-q", home / "new")
    found = library()
    assert found["a"][0]
    assert in_files(home) == {"a": (), "b": (), "c": ("Polka",)}
    beet("write")
    assert in_files(home) == {title: (genres,) for title, (genres, *_) in found.items()}


@pytest.mark.parametrize("plugins", ["standin tagger", "tagger standin"])
def test_beside_lastgenre_it_fills_what_that_left_empty(home, plugins):
    """With `fallback` the order of the plugins does not matter, nor the policy."""
    folder = home / "plugins" / "beetsplug"
    folder.mkdir(parents=True)
    (home / "plugins" / "standin.py").write_text(LASTFM)
    configure(home, plugins=plugins, fallback="yes", policy="replace")
    beet("import", "-q", home / "new")
    found = library()
    assert found["a"][0] == "From The Net"
    assert found["b"][0]
    assert found["c"][0] == "Polka"
    assert in_files(home)["b"] == (found["b"][0],)


@pytest.fixture
def plugin(home):
    """A plugin in this process, with a library of three items."""
    beets_config.clear()
    beets_config.read(user=False)
    beets_config["create_backup_before_migrations"].set(False)
    made = TaggerPlugin()
    made.config.set({"threshold": 0.01, "max_genres": 1, "device": "cpu"})
    lib = Library(str(home / "library.db"), str(home))
    for path in sorted((home / "new").iterdir()):
        lib.add(Item.from_path(os.fsencode(path)))
    yield made, lib
    made.close()
    beets_config.clear()


def test_what_was_scored_is_not_decoded_again(plugin, home):
    """The cache is the one of every other front end: no model is loaded for the second time."""
    made, lib = plugin
    assert tagger("scan", home / "new", "--score-all", "--device", "cpu").returncode == 0
    changed = made.choose(list(lib.items()), "replace", store=True)
    assert len(changed) == 3
    assert made._opened._engine._engine is None


def test_a_broken_and_a_lost_file_cost_themselves_only(plugin, home, caplog):
    """They are named in the log; the others get their genres."""
    made, lib = plugin
    (home / "new" / "a.flac").write_bytes(b"no music" * 30)
    (home / "new" / "b.flac").unlink()
    changed = made.choose(list(lib.items()), "replace", store=True)
    assert [item.title for item in changed] == ["c"]


def test_a_state_that_is_in_use_stops_the_command_and_no_import(plugin, home):
    """The command says who holds it; an import goes on without genres."""
    made, lib = plugin
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGGER_STATE", str(home / "new"))  # a folder is no state
        opts = type("Opts", (), dict.fromkeys(("force", "policy", "write", "pretend")))
        with pytest.raises(ui.UserError, match="tagger:"):
            made.run_command(lib, opts, [])
        task = type("Task", (), {"imported_items": lambda self: list(lib.items())})()
        made.imported(None, task)
    assert [result.genres for result in lib.items("title:a")] == [[]]


def test_older_versions_of_beets_have_one_string(monkeypatch):
    """`genre` holds all of them, joined."""
    monkeypatch.setattr(items, "HAS_LIST", False)
    item = {"genre": "Rock; Pop"}
    assert items.genres_of(item) == ("Rock", "Pop")
    items.set_genres(item, ("Dub", "Ska"))
    assert item == {"genre": "Dub; Ska"}
    assert items.genres_of({}) == ()


def section(**values):
    view = beets_config["tagger_of_a_test"]
    view.set({"max_genres": 2, "whitelist": False, "canonical": False, "aliases": False})
    view.set(values)
    return view


def test_lastgenres_own_files_are_taken():
    """Its list holds every label as the model spells it; its tree has no circle for us."""
    values = genre_files.settings_values(
        section(whitelist=True, canonical=True, aliases=True), LABELS
    )
    assert set(LABELS) - {"Hip-Hop"} <= set(values["allow"])
    assert "Hip-Hop" in values["tree"] or "Hip-Hop" in values["allow"]
    assert values["max_genres"] == 2
    assert values["aliases"].get("Drum & Bass", "Drum & Bass") == "Drum & Bass"
    load_settings(values=values)  # raises if they contradict each other


def test_own_lists_trees_and_aliases(tmp_path):
    """Names in small letters are the model's; what is unknown gets title case; no circles."""
    (tmp_path / "genres.txt").write_text("# mine\nhip hop\n\nheavy music\nROCK\n")
    tree = "- heavy music:\n  - metal\n- metal:\n  - heavy music\n- rock\n- x:\n"
    (tmp_path / "tree.yaml").write_text(tree)
    values = genre_files.settings_values(
        section(
            whitelist=str(tmp_path / "genres.txt"),
            canonical=str(tmp_path / "tree.yaml"),
            aliases={r"\1 Music": "(pop)", "rap": ["hip[- ]hop", "hiphop"]},
        ),
        LABELS,
    )
    assert values["allow"] == ["Hip-Hop", "Heavy Music", "Rock"]
    assert values["tree"] == {"Metal": ["Heavy Music"]}
    assert values["aliases"] == {"Pop": "Pop Music", "Hip-Hop": "Rap"}
    load_settings(values=values)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("whitelist", "/nowhere.txt", "cannot be read"),
        ("canonical", __file__, "is not YAML"),
        ("aliases", {"x": "("}, "not a pattern"),
    ],
)
def test_wrong_files_are_named(option, value, said):
    """An error of the user's, not a traceback."""
    with pytest.raises(ui.UserError, match=said):
        genre_files.settings_values(section(**{option: value}), LABELS)


@pytest.mark.data
def test_a_real_library(data, home):
    """Real files with real tags: filled, appended to and only looked at, as documented."""
    configure(home, auto="no")
    beet("import", "-q", "-C", "-A", copied(data / "library" / "Slayer", home / "real"))
    before = beet("ls", "-f", "$path|$genres").splitlines()
    assert len(before) == 3
    shown = beet("tagger", "--policy", "append")
    assert beet("ls", "-f", "$path|$genres").splitlines() == before
    assert " -> " in shown
    beet("tagger", "--write", "--policy", "append")
    for line in beet("ls", "-f", "$path|$genres").splitlines():
        path, _, genres = line.partition("|")
        assert "; ".join(read_tags(Path(path)).genres) == genres


def copied(source, target):
    shutil.copytree(source, target)
    for path in target.rglob("*"):
        path.chmod(0o644)
    return target
