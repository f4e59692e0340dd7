"""The user's folders are the platform's, and what an earlier version left is found."""

import importlib
import sys

import platformdirs
import pytest

from tagger.system.folders import user_folder

KINDS = ("config", "data", "state", "cache")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, without any variable that names another place."""
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    for name in ("APPDATA", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


@pytest.fixture
def on(monkeypatch):
    """Returns a function that pretends another platform: its name, platformdirs' class."""

    def pretend(platform, module, name):
        monkeypatch.setattr(sys, "platform", platform)
        chosen = getattr(importlib.import_module(f"platformdirs.{module}"), name)
        monkeypatch.setattr(platformdirs, "PlatformDirs", chosen)

    return pretend


def test_linux_keeps_its_places(home, on, monkeypatch):
    """Those of the XDG specification, with and without its variables."""
    on("linux", "unix", "Unix")
    places = (".config", ".local/share", ".local/state", ".cache")
    assert [user_folder(kind) for kind in KINDS] == [
        home / place / "tagger" for place in places
    ]
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "elsewhere"))
    assert user_folder("state") == home / "elsewhere" / "tagger"


def test_macos_keeps_its_places(home, on):
    """Application Support, and Caches for what can be made again."""
    on("darwin", "macos", "MacOS")
    library = home / "Library"
    support = library / "Application Support" / "tagger"
    assert [user_folder(kind) for kind in KINDS] == [support] * 3 + [library / "Caches/tagger"]


def test_windows_keeps_its_places(home, on, monkeypatch):
    """Settings roam, everything else stays; there is no folder for the author between."""
    monkeypatch.setattr(
        "platformdirs.windows.get_win_folder",
        {"CSIDL_APPDATA": str(home / "R"), "CSIDL_LOCAL_APPDATA": str(home / "L")}.__getitem__,
    )
    on("win32", "windows", "Windows")
    assert user_folder("config") == home / "R" / "tagger"
    assert {user_folder(kind) for kind in KINDS[1:]} == {home / "L" / "tagger"}


def test_what_an_earlier_version_left_is_used(home, on, monkeypatch):
    """On macOS XDG variables were not asked: a state that lies in the old place goes on."""
    on("darwin", "macos", "MacOS")
    old = home / "Library" / "Application Support" / "tagger"
    monkeypatch.setattr("tagger.system.folders._platform_folder", lambda _: home / "new")
    assert user_folder("state") == home / "new"
    old.mkdir(parents=True)
    assert user_folder("state") == old
    (home / "new").mkdir()
    assert user_folder("state") == home / "new"
