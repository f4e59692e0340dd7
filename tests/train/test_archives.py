import hashlib
import io
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tagger.errors import InputError
from tests.train import trees
from train.datasets import archives, fma, gtzan_audio, mtat
from train.datasets.archives import JoinedParts, is_half_unpacked, unpack
from train.datasets.audio import Where

FOLDERS = "0123456789abcdef"


def make(path):
    """A recording of which only the place matters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode() * 50)
    return path


def zipped(folder, archive, *, inner=""):
    """Everything in a folder, moved into a zip."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, PurePosixPath(inner) / path.relative_to(folder).as_posix())
    shutil.rmtree(folder)
    return archive


def in_parts(archive, n_parts=3):
    """A file cut into `archive.001`, ..., as published."""
    content = archive.read_bytes()
    archive.unlink()
    size = -(-len(content) // n_parts)
    return [
        archive.with_name(f"{archive.name}.{i + 1:03d}").write_bytes(
            content[i * size : (i + 1) * size]
        )
        for i in range(n_parts)
    ]


def mtat_in_parts(tmp_path):
    root = trees.mtat(tmp_path / "mtat", make=make)
    (root / "x").mkdir()
    for folder in FOLDERS:
        (root / folder).rename(root / "x" / folder)
    in_parts(zipped(root / "x", root / "mp3.zip"))
    return root


def test_parts_are_read_as_one(tmp_path):
    """From any place, over the borders."""
    content = bytes(range(256)) * 3
    (tmp_path / "a").write_bytes(content)
    in_parts(tmp_path / "a", 5)
    parts = sorted(tmp_path.glob("a.*"))
    with JoinedParts(parts) as raw, io.BufferedReader(raw) as joined:
        assert joined.read() == content
        joined.seek(-10, 2)
        assert (joined.tell(), joined.read(4)) == (758, content[-10:-6])
        joined.seek(100)
        assert joined.read(600) == content[100:700]


def test_mtat_is_unpacked_from_its_three_parts(tmp_path):
    """The clips lie in mp3/ afterwards; a second time nothing is written."""
    root = mtat_in_parts(tmp_path)
    assert len(mtat.load(Where(root=root))) == 14
    first = {path: path.stat().st_mtime_ns for path in (root / "mp3").rglob("*.mp3")}
    assert len(first) == 16
    assert len(mtat.load(Where(root=root))) == 14
    assert first == {path: path.stat().st_mtime_ns for path in (root / "mp3").rglob("*.mp3")}


def test_a_missing_part_is_named(tmp_path):
    """It is the second."""
    root = mtat_in_parts(tmp_path)
    (root / "mp3.zip.002").unlink()
    with pytest.raises(InputError, match=r"mp3\.zip\.002 of mp3\.zip is missing"):
        mtat.load(Where(root=root))


def test_an_interrupted_unpacking_goes_on(tmp_path, monkeypatch):
    """What is there by then is whole, and the rest follows the next time."""
    root = mtat_in_parts(tmp_path)
    put, n_put = archives._put, 0

    def full(*args):
        nonlocal n_put
        n_put += 1
        if n_put > 5:
            raise OSError(28, "No space left on device")
        put(*args)

    monkeypatch.setattr(archives, "_put", full)
    with pytest.raises(InputError, match="No space left"):
        mtat.load(Where(root=root))
    assert len(list((root / "mp3").rglob("*.mp3"))) == 5
    assert is_half_unpacked(root / "mp3.zip.001", root / "mp3")
    monkeypatch.setattr(archives, "_put", put)
    assert len(mtat.load(Where(root=root))) == 14


def test_two_runs_may_unpack_at_once(tmp_path, monkeypatch):
    """Each writes beside, under a name of its own; nothing else is there in the end."""
    root, replace, second = mtat_in_parts(tmp_path), Path.replace, []

    def replace_after_another_run(part, path):
        if not second:
            second.append(None)
            second.append(mtat.load(Where(root=root)))
        return replace(part, path)

    monkeypatch.setattr(Path, "replace", replace_after_another_run)
    assert len(mtat.load(Where(root=root))) == len(second[1]) == 14
    assert len(list((root / "mp3").rglob("*.mp3"))) == 16
    assert [path for path in (root / "mp3").rglob("*") if path.name.startswith(".")] == []
    assert not is_half_unpacked(root / "mp3.zip.001", root / "mp3")


def test_a_damaged_archive_is_no_half_loaded_set(tmp_path):
    """A flipped byte fails a CRC; a file cut short is no archive."""
    root = mtat_in_parts(tmp_path)
    part = root / "mp3.zip.001"
    content = bytearray(part.read_bytes())
    content[100] ^= 1
    part.write_bytes(content)
    with pytest.raises(InputError, match=r"mp3\.zip\.001 to mp3\.zip\.003: damaged"):
        mtat.load(Where(root=root))
    (tmp_path / "x.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match="damaged"):
        unpack([tmp_path / "x.zip"], tmp_path / "y")


@pytest.mark.parametrize("inner", ["Data/genres_original", "genres_original", ""])
def test_gtzan_is_unpacked_from_a_zip(tmp_path, inner):
    """As Kaggle packs it, or with less around it."""
    root = tmp_path / "gtzan"
    trees.gtzan(root / "x", inner="", ids=gtzan_audio.filtered_split(), make=make)
    zipped(root / "x", root / "archive.zip", inner=inner)
    assert len(gtzan_audio.load(Where(root=root))) == 929
    assert (root / inner / "blues").is_dir()


def test_gtzan_is_unpacked_from_its_tar(tmp_path):
    """Genres.tar.gz holds genres/ with .au files; the other files in it are left there."""
    root = tmp_path / "gtzan"
    ids = gtzan_audio.filtered_split()
    trees.gtzan(tmp_path / "x", inner="genres", ids=ids, suffix=".au", make=make)
    (tmp_path / "x/genres/bextract_single.mf").touch()
    root.mkdir()
    with tarfile.open(root / "genres.tar.gz", "w:gz", compresslevel=1) as file:
        file.add(tmp_path / "x/genres", "genres")
    assert len(gtzan_audio.load(Where(root=root))) == 929
    assert not (root / "genres/bextract_single.mf").exists()


def test_fma_is_checked_and_unpacked(tmp_path, monkeypatch):
    """Tables and recordings; an archive with another SHA-1 than the published is refused."""
    rows = [(2, "training", "small", "Pop", "[10]", 1), (3, "test", "small", "Rock", "[12]", 2)]
    root = trees.fma(tmp_path / "fma", rows, make=make)
    digests = {}
    for name in ("metadata", "small"):
        folder = root / f"fma_{name}"
        path = zipped(folder, root / f"fma_{name}.zip", inner=f"fma_{name}")
        digests[name] = hashlib.sha1(path.read_bytes()).hexdigest()
    with pytest.raises(InputError, match="SHA-1"):
        fma.load(Where(root=root))
    monkeypatch.setattr(fma, "SHA1", digests)
    assert len(fma.load(Where(root=root))) == 2


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path):
    """An archive from a stranger writes nowhere else."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("../out.mp3", b"x")
    with pytest.raises(InputError, match="leads out"):
        unpack([tmp_path / "x.zip"], tmp_path / "in")
    assert not (tmp_path / "out.mp3").exists()
