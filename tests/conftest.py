import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings; a test that asks for it skips where there is none."""
    folder = Path(os.environ.get("TAGGER_DATA", "no TAGGER_DATA"))
    if not folder.is_dir():
        pytest.skip("real recordings are not here: set TAGGER_DATA to their folder")
    return folder.resolve()
