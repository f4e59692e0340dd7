"""The two files that ship, of a float32 model: `ship.py MODEL.onnx|best.pt [--to FOLDER]`.

`default.fp32.onnx` is the model itself: copied if it is a file of ours, exported if it is a
checkpoint. `default.onnx` is made of it: eight bits for processors, their ranges set by music
of the train side of `recordings` (data in $TAGGER_DATA) and by `songs-cc`. What they cost is
shown on the valid side, and nothing is put in place if that is too much. The last line is one
JSON object.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from measure import data_folder, emit

from export.calibration import CALIBRATION_TRACKS
from export.run import ExportOptions, export_checkpoint
from tagger.model.catalogue import DEFAULT, PACKAGED
from tagger.model.spec_file import spec_in
from train.datasets.audio import Where
from train.datasets.base import MUSIC
from train.datasets.recordings import load


def calibration_music(data: Path, folder: Path) -> Path:
    """Songs under free licences, and recordings that neither measure nor are speech or noise.

    Those whose names have the lowest digests: recordings that are added move few of them.
    """
    songs = sorted((data / "songs-cc").glob("*.mp3"))
    clips = load(Where(root=data))
    usable = [
        path
        for path, split, music in zip(clips.paths, clips.splits, clips.music, strict=True)
        if split == "train" and music == MUSIC
    ]
    usable.sort(key=lambda path: hashlib.md5(path.name.encode()).hexdigest())  # noqa: S324
    for path in [*songs, *usable[: CALIBRATION_TRACKS - len(songs)]]:
        shutil.copy(path, folder / path.name)
    return folder


def make(model: Path, to: Path, *, prepared: Path) -> dict[str, object]:
    """Make both files beside their places, then put them there."""
    with tempfile.TemporaryDirectory(dir=to) as made, tempfile.TemporaryDirectory() as music:
        whole, small = (Path(made) / f"{DEFAULT}{end}" for end in (".fp32.onnx", ".onnx"))
        if model.suffix == ".onnx":
            shutil.copy(model, whole)
        else:
            export_checkpoint(model, whole, ExportOptions(name=DEFAULT), say=print)
        report = Path(made) / "report.json"
        options = ExportOptions(
            precision="int8",
            made_for="cpu",
            calibration=calibration_music(data_folder(), Path(music)),
            report=report,
            clips={"datasets": ["recordings"]},
            data=data_folder(),
            prepared=prepared,
        )
        export_checkpoint(whole, small, options, say=print)
        for path in (whole, small):
            path.replace(to / path.name)
        return {
            path.name: {"revision": spec_in(path).revision, "bytes": path.stat().st_size}
            for path in (to / whole.name, to / small.name)
        } | {"cost": json.loads(report.read_text(encoding="utf-8"))["cost"]}


def main() -> None:
    """Measured when this is run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path)
    parser.add_argument("--to", type=Path, default=PACKAGED)
    parser.add_argument("--prepared", type=Path, default=Path("prepared"))
    given = parser.parse_args()
    emit(make(given.model, given.to, prepared=given.prepared))


if __name__ == "__main__":
    main()
