"""The wheel alone: installed elsewhere, without torch and librosa, it scans."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tones import write_chords

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow

RUNTIME = (
    "typer",
    "rich",
    "numpy",
    "soundfile",
    "soxr",
    "av",
    "mutagen",
    "onnx",
    "onnxruntime",
)
BLOCKED = ("torch", "lightning", "librosa", "onnxscript", "torchmetrics", "yaml")

# A finder in front of all others: what must not be needed cannot be found.
SITE = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, unpacked into a folder of its own; returns a function that runs it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(folder),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    (folder / "site" / "sitecustomize.py").write_text(SITE)

    def run(*args):
        return subprocess.run(
            [sys.executable, "-c", "from tagger.cli.app import main; main()", *map(str, args)],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "site")},
            check=False,
        )

    run.wheel = wheel
    return run


def test_the_wheel_holds_the_three_packages_and_a_model(installed):
    """What is installed is named as in the repository, with the model inside."""
    names = zipfile.ZipFile(installed.wheel).namelist()
    assert {"tagger", "train", "export"} <= {name.split("/")[0] for name in names}
    assert {"tagger/models/default.onnx", "tagger/models/default.fp32.onnx"} <= set(names)
    assert {"tagger/reports/page/page.html", "tagger/reports/page/app.js"} <= set(names)
    assert "tagger/settings/example.toml" in names
    assert installed.wheel.name.startswith("tagger_music-")
    assert not [name for name in names if name.startswith("tests")]


def test_it_scans_without_torch_and_librosa(installed, tmp_path):
    """A plain installation is enough for the main job, from any folder."""
    write_chords(tmp_path / "a.flac", 440, seconds=3)
    done = installed("scan", tmp_path, "--json", "--threshold", "0.01")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "proposed"


def test_it_makes_a_page_and_settings(installed, tmp_path):
    """What the page and the first settings are made of is in the wheel."""
    write_chords(tmp_path / "a.flac", 440, seconds=3)
    page = tmp_path / "report.html"
    assert installed("scan", tmp_path, "--report", page).returncode == 0
    assert "a.flac" in page.read_text(encoding="utf-8")
    assert installed("config", "show").returncode == 0


@pytest.mark.parametrize("command", [["train"], ["export", "x.pt", "-o", "x.onnx"]])
def test_train_and_export_say_what_to_install(installed, command):
    """Without the extra, the answer is one sentence with the remedy."""
    done = installed(*command)
    assert done.returncode == 2
    assert "pip install 'tagger-music[train]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
