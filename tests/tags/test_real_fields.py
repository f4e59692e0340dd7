"""Real collections: other fields, other ID3 versions, and the way back, file by file."""

import os
import shutil
from pathlib import Path

import pytest

from tagger.errors import TagError, UnsupportedTagError, WriteError
from tagger.tags import read_tags
from tagger.tags.base import open_source
from tagger.writing.filecopy import copy_patched
from tagger.writing.safe_write import WriteOptions
from tests.prepared import prepare

FIELDS = {"grouping": ["A", "B"], "comment": ["heard Ü"], "mood": ["calm"], "My Genre": ["♫"]}


@pytest.mark.data
@pytest.mark.parametrize("version", ["keep", 3, 4])
@pytest.mark.parametrize("folder", ["tagged-files", "library"])
def test_real_files_take_all_fields_and_give_them_back(tmp_path, folder, version):
    """Each file is written and read back, or refused and untouched; undo restores each byte."""
    root = Path(os.environ.get("TAGGER_DATA") or "nowhere") / folder
    if not root.is_dir():
        pytest.skip("TAGGER_DATA names no folder with real recordings")
    options = WriteOptions(id3v2_version=version)
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    n_written = sum(_written(file, tmp_path, options) for file in files)
    print(  # noqa: T201, the figures of docs/results.md
        f"{folder}, ID3v2 {version}: {n_written} of {len(files)} files written and undone"
    )
    assert n_written > 0.8 * len([file for file in files if file.suffix not in {".md", ".csv"}])


def _written(original, folder, options):
    """Write genres and all fields, check them, undo; False where that was refused."""
    path, back = folder / original.name, folder / "back"
    shutil.copyfile(original, path)
    before = path.read_bytes()
    try:
        with prepare(path, ["Rock", "Pop"], others=FIELDS, options=options) as prepared:
            prepared.commit()
    except (TagError, UnsupportedTagError, WriteError):
        assert path.read_bytes() == before
        path.unlink()
        return False
    info = read_tags(path, fields=list(FIELDS), style=options.style)
    assert {name: list(info.values(name)) for name in FIELDS} == FIELDS
    with open_source(path) as source:
        copy_patched(source, back, prepared.undo)
    assert back.read_bytes() == before
    back.unlink()
    path.unlink()
    return True
