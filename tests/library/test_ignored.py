"""What a NAS or a system keeps, and what the owner leaves out, is no part of the library."""

import json
import os
import unicodedata

import pytest

from tagger.errors import InputError
from tagger.library.walk import find_folders, find_tracks
from tests.cli.test_cli import tagger
from tests.tones import write_chords


@pytest.fixture
def music(tmp_path):
    """A library: a file at the top, two artists with albums, and a folder of live ones."""
    for name in ("top.mp3", "A/One/1.mp3", "A/One/2.wav", "B/Two/1.mp3", "B/Live/1.mp3"):
        put(tmp_path / "music" / name)
    return tmp_path / "music"


ALL = {"top.mp3", "A/One/1.mp3", "A/One/2.wav", "B/Two/1.mp3", "B/Live/1.mp3"}


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def found(*paths, **options):
    """The tracks that are found; both walks say the same."""
    tracks = set(find_tracks(paths, **options))
    listings = find_folders(paths, **options)
    assert tracks == {
        listing.folder / entry[0] for listing in listings for entry in listing.files
    }
    return tracks


def names(folder, *exclude, **options):
    """The tracks that are found, relative to the folder."""
    tracks = found(folder, exclude=exclude, **options)
    return {path.relative_to(folder).as_posix() for path in tracks}


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir", "@EADIR", "#recycle", "@Recycle", "@Snapshots", "@Trash",
        ".@__thumb", "$RECYCLE.BIN", "$Recycle.Bin",
        "System Volume Information", "lost+found", "@Snapshot", "@Recently-Snapshot",
        "#snapshot", ".Trash-1000", ".Trashes", ".AppleDouble", ".stversions", "RECYCLER",
        "#trash", "@Transcode", "@__thumb", "@sharebin",
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["", "A", "A/One"])
def test_what_a_nas_or_a_system_keeps_is_left_out(music, name, where):
    """At any depth, whatever lies in it, in any case."""
    for track in ("1.mp3", "deep/2.flac", "01 x.mp3/SYNOINDEX_MEDIA_INFO"):
        put(music / where / name / track)
    assert names(music) == ALL


def test_names_that_only_resemble_them_are_walked(music):
    """Bands call themselves as they like."""
    for name in ("@eaDirs", "#1 Hits", "lost and found", "@", "Recycle", "Trash"):
        put(music / name / "1.mp3")
    assert len(names(music)) == len(ALL) + 6


def test_a_trash_that_is_named_alone_is_taken_and_one_of_several_is_told(music):
    """Who names it means it; the shell's `*` does not."""
    put(music / "#recycle" / "1.mp3")
    put(music / "C" / ".nomedia")
    put(music / "C" / "1.mp3")
    trash, marked = music / "#recycle", music / "C"
    assert names(trash) == {"1.mp3"}
    assert names(marked) == {"1.mp3"}
    told = []
    every = sorted(music.iterdir())
    tracks = list(find_tracks(every, on_note=lambda path, _: told.append(path)))
    assert {track.relative_to(music).as_posix() for track in tracks} == ALL
    assert told == [trash, marked]
    assert "#recycle/1.mp3" in names(music, "!#recycle")


@pytest.mark.parametrize(
    ("patterns", "lost"),
    [
        (["*.wav"], {"A/One/2.wav"}),
        (["?.mp3"], {"A/One/1.mp3", "B/Two/1.mp3", "B/Live/1.mp3"}),
        (["[0-9].mp3"], {"A/One/1.mp3", "B/Two/1.mp3", "B/Live/1.mp3"}),
        (["[!1].*", "[^1]op.mp3"], {"A/One/2.wav", "top.mp3"}),
        (["Live"], {"B/Live/1.mp3"}),
        (["Live/"], {"B/Live/1.mp3"}),
        (["1.mp3/"], set()),
        (["Live/*"], {"B/Live/1.mp3"}),
        (["B/Live"], {"B/Live/1.mp3"}),
        (["./B/Live"], {"B/Live/1.mp3"}),
        (["/B/Live"], {"B/Live/1.mp3"}),
        (["/Live"], set()),
        (["B"], {"B/Two/1.mp3", "B/Live/1.mp3"}),
        (["B/**"], {"B/Two/1.mp3", "B/Live/1.mp3"}),
        (["B/**/1.mp3"], {"B/Two/1.mp3", "B/Live/1.mp3"}),
        (["**/1.mp3"], {"A/One/1.mp3", "B/Two/1.mp3", "B/Live/1.mp3"}),
        (["B/*.mp3"], set()),
        (["*.mp3", "!top.mp3"], ALL - {"top.mp3", "A/One/2.wav"}),
        (["!top.mp3", "*.mp3"], ALL - {"A/One/2.wav"}),
        (["*"], ALL),
        (["**"], ALL),
        (["/"], set()),
        (["../music"], set()),
    ],
)
def test_patterns_leave_out_what_fits(music, patterns, lost):
    """As in .gitignore, at any depth; the last one that fits decides."""
    assert names(music, *patterns) == ALL - lost


def test_an_absolute_pattern_is_a_path(music, monkeypatch):
    """The shell makes one of `~`; so do the settings. The way to the walk does not matter."""
    assert names(music, str(music / "B" / "Live")) == ALL - {"B/Live/1.mp3"}
    monkeypatch.setenv("HOME", str(music))
    monkeypatch.chdir(music / "A")
    assert names(music, "~/B/Li*") == ALL - {"B/Live/1.mp3"}
    (only,) = found(music.parent / "music" / "B", exclude=["~/B/Live"])
    assert only.parent.name == "Two"
    assert len(list(find_tracks([music.relative_to(music)], exclude=[f"{music}/A/One"]))) == 0


def test_patterns_count_for_several_paths_too(music):
    """`scan ~/Music/* --exclude B` means what it says."""
    every = [*music.iterdir(), music / "B" / "Live" / "1.mp3"]
    tracks = found(*every, exclude=["B", "top.*", "1.mp3"])
    assert {track.name for track in tracks} == {"2.wav"}


def test_letters_with_accents_are_the_same_in_both_spellings(music):
    """Macs write the letter and its accent apart."""
    put(music / unicodedata.normalize("NFD", "Café") / "1.mp3")
    put(music / unicodedata.normalize("NFC", "Óperas") / "1.mp3")
    patterns = [unicodedata.normalize("NFC", "Café"), unicodedata.normalize("NFD", "Óperas")]
    assert names(music, *patterns) == ALL


def test_many_stars_take_no_time(music):
    """A pattern that somebody else wrote holds up nothing."""
    put(music / ("a" * 200 + ".mp3"))
    put(music / ".ndignore", "*a" * 40 + "b\n" + "**/" * 40 + "x\n")
    assert len(names(music)) == len(ALL) + 1


@pytest.mark.parametrize("name", [".nomedia", ".ndignore", ".plexignore"])
@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
def test_an_empty_mark_leaves_out_its_folder(music, name, text):
    """And all that lies below it."""
    put(music / "B" / name, text)
    assert names(music) == {"top.mp3", "A/One/1.mp3", "A/One/2.wav"}


def test_what_stands_in_nomedia_means_nothing(music):
    """Android looks at the name alone."""
    put(music / "B" / ".nomedia", "*.txt\n")
    assert names(music) == {"top.mp3", "A/One/1.mp3", "A/One/2.wav"}


def test_comments_alone_are_an_empty_file_for_navidrome_and_nothing_for_plex(music):
    """A template of comments leaves nothing out in Plex; Navidrome takes it for empty."""
    put(music / "A" / ".plexignore", "# *.mp3\n\n# more\n")
    assert names(music) == ALL
    put(music / "A" / ".ndignore", "# *.mp3\n\n# more\n")
    assert names(music) == {"top.mp3", "B/Two/1.mp3", "B/Live/1.mp3"}


@pytest.mark.parametrize("name", [".ndignore", ".plexignore"])
@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("*.wav\n", {"A/One/2.wav"}),
        ("\ufeff*.wav\r\n# 1.mp3\r\n", {"A/One/2.wav"}),
        ("*.wav   ", {"A/One/2.wav"}),
        ("1.mp3", {"A/One/1.mp3", "B/Two/1.mp3", "B/Live/1.mp3"}),
        ("/top.mp3", {"top.mp3"}),
        ("One/2.wav", set()),
        ("A/One/2.wav", {"A/One/2.wav"}),
        ("B/*", {"B/Two/1.mp3", "B/Live/1.mp3"}),
        ("B/*\n!B/Two", {"B/Live/1.mp3"}),
        ("B\n!B/Two", {"B/Two/1.mp3", "B/Live/1.mp3"}),
        ("*/Live/", {"B/Live/1.mp3"}),
        ("*\n", ALL),
        ("\\#recycle\n\\!x\n", set()),
    ],
)
def test_patterns_in_a_mark_are_about_its_folder(music, name, text, lost):
    """With a slash they begin there, without one they fit at any depth below; no comments."""
    put(music / name, text)
    assert names(music) == ALL - lost


def test_marks_of_a_folder_count_there_alone(music):
    """Those of a folder above count too, and are overruled by those below."""
    put(music / "A" / ".ndignore", "*.mp3\n")
    assert names(music) == ALL - {"A/One/1.mp3"}
    put(music / ".ndignore", "1.mp3\n")
    put(music / "B" / "Two" / ".ndignore", "!1.mp3\n")
    assert names(music) == {"top.mp3", "A/One/2.wav", "B/Two/1.mp3"}


def test_the_command_line_overrules_marks(music):
    """Who asks now knows best."""
    put(music / ".ndignore", "Live\n!2.wav\n")
    assert names(music, "!Live", "2.wav") == ALL - {"A/One/2.wav"}


@pytest.mark.parametrize("mark", [".ndignore", ".plexignore"])
def test_a_mark_that_cannot_be_read_is_told_and_its_folder_left_out(music, monkeypatch, mark):
    """Somebody wants something left out there, and nobody knows what."""
    put(music / "B" / mark, "Live")
    real = type(music).open

    def opened(path, *args, **options):
        if path.name == mark:
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(type(music), "open", opened)
    told = []
    tracks = names(music, on_error=lambda path, why: told.append((path, why)))
    assert tracks == {"top.mp3", "A/One/1.mp3", "A/One/2.wav"}
    assert told[0][0] == music / "B"
    assert mark in told[0][1]


def test_a_pipe_called_like_a_mark_blocks_nothing(music):
    """It is not opened."""
    os.mkfifo(music / "B" / ".ndignore")
    (music / "A" / ".plexignore").mkdir()
    assert names(music) == {"top.mp3"}


@pytest.mark.parametrize("command", ["scan", "audit", "predict"])
def test_every_command_leaves_out_the_same(tmp_path, command):
    """By default, by --exclude and by the settings; what is left out is no failure."""
    folder = tmp_path / "music"
    for name in ("a.flac", "Live/b.flac", "#recycle/c.flac", "x/d.wav"):
        write_chords(folder / name, 440, seconds=2)
    put(folder / "@eaDir" / "a.flac" / "SYNOAUDIO_01APIC_03.jpg", "jpg")
    options = ["--json", "--exclude", "*.wav", "--set", "exclude=['Live/']"]
    more = ["--no-state"] if command != "predict" else []
    done = tagger(command, folder, *options, *more)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line)["path"] for line in done.stdout.splitlines()]
    assert rows == [str(folder / "a.flac")]


@pytest.mark.parametrize("pattern", ["", " ", "!", "/"])
def test_a_pattern_that_is_none_is_refused(pattern):
    """An empty variable of a script would otherwise leave out everything."""
    done = tagger("scan", "/tmp", "--exclude", pattern)
    assert done.returncode == 2
    assert "--exclude" in done.stderr


def test_nothing_left_is_told_with_the_reason(music):
    """A library that is left out as a whole is no empty folder."""
    done = tagger("scan", music, "--exclude", "*")
    assert done.returncode == 2
    assert "--exclude" in done.stderr


def test_a_folder_that_is_named_and_excluded_at_once_is_left_out(music):
    """Beside others what is excluded counts, as the help says; alone the named folder does."""
    live = music / "B" / "Live"
    assert live.is_dir()
    both = list(find_tracks([music, live], exclude=["Live"]))
    assert both == list(find_tracks([music], exclude=["Live"]))
    assert not [track for track in both if "Live" in track.parts]
    assert list(find_tracks([live], exclude=["Live"])) == list(find_tracks([live]))
    assert list(find_tracks([live]))
    assert "even named ones unless alone" in " ".join(tagger("scan", "--help").stdout.split())


def test_a_path_that_is_not_there_is_refused_although_it_is_excluded(music):
    """A slip of the pen is told."""
    with pytest.raises(InputError):
        find_tracks([music, music / "gone"], exclude=["gone"])
