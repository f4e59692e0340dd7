"""The user's own folders, as each platform has them; `platformdirs` knows where they are."""

import os
import sys
from pathlib import Path
from typing import Literal

APP = "tagger"

Kind = Literal["config", "data", "state", "cache"]


def user_folder(kind: Kind) -> Path:
    """The folder of this user for one kind of files; it need not exist.

    Args:
        kind: `config` for settings, `data` for models, `state` for what a scan remembers,
            `cache` for what can be made again.

    Returns:
        The platform's folder; the one of versions up to 0.2 where only that one exists, so
        that nobody loses a journal to an update.
    """
    folder = _platform_folder(kind)
    earlier = _earlier_folder(kind)
    return earlier if earlier.is_dir() and not folder.is_dir() else folder


def _platform_folder(kind: Kind) -> Path:
    import platformdirs  # noqa: PLC0415 - 20 ms that `tagger --help` does not need

    # Settings roam with a Windows user, the rest stays on the machine. An "opinion" would put
    # the cache one folder deeper than it has always been.
    dirs = platformdirs.PlatformDirs(
        APP, appauthor=False, roaming=kind == "config", opinion=False
    )
    path: Path = getattr(dirs, f"user_{kind}_path")
    return path


def _earlier_folder(kind: Kind) -> Path:
    """Where versions up to 0.2 kept such files.

    It differs from the platform's folder on macOS where XDG variables are set, and on Windows
    where APPDATA or LOCALAPPDATA name another folder than the system does.
    """
    home = Path.home()
    base: Path
    if sys.platform == "win32":
        is_roaming = kind == "config"
        given = os.environ.get("APPDATA" if is_roaming else "LOCALAPPDATA")
        base = Path(given or home / "AppData" / ("Roaming" if is_roaming else "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / ("Caches" if kind == "cache" else "Application Support")
    else:
        return _platform_folder(kind)
    return base / APP
