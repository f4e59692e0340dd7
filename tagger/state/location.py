"""Where the state lies: the platform's folder for it, or what the owner says."""

import os
from pathlib import Path

from tagger.system.folders import user_folder

VARIABLE = "TAGGER_STATE"


def state_path() -> Path:
    """The state's file; it need not exist."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    return user_folder("state") / "state.db"
