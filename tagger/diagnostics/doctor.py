"""What is here: providers, codecs, models; what `--device auto` would use, and why not more."""

import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import av
import soundfile
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tagger.diagnostics.formats import has_decoder
from tagger.diagnostics.profile import profile_model, sentence
from tagger.errors import TaggerError
from tagger.model.cards import read_cards
from tagger.model.catalogue import DEFAULT, find_model, models_folder
from tagger.model.devices import find_device
from tagger.model.load import load_engine
from tagger.state import state_path
from tagger.system.cores import usable_cores
from tagger.system.version import __version__
from tagger.text import sanitise

DISTRIBUTIONS = (
    "numpy",
    "soundfile",
    "soxr",
    "av",
    "mutagen",
    "onnxruntime-gpu",
    "onnxruntime",
    "torch",
    "librosa",
    "onnx",
)
CODECS = (
    "mp3",
    "flac",
    "vorbis",
    "opus",
    "aac",
    "alac",
    "wmav2",
    "ape",
    "wavpack",
    "musepack8",
    "tta",
    "dsd_lsbf",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One finding: what it is about, whether all is well, and what to know or do."""

    group: str
    name: str
    ok: bool
    note: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything `tagger doctor` found out."""

    lines: list[Line]

    def to_record(self) -> dict[str, Any]:
        """The findings by group, as JSON types."""
        groups: dict[str, Any] = {}
        for line in self.lines:
            entry = {key: value for key, value in asdict(line).items() if key != "group"}
            groups.setdefault(line.group, []).append(entry)
        return groups


def examine() -> Findings:
    """Look at everything; nothing is changed and no file of the user is read."""
    lines = [
        Line("program", "tagger", True, __version__),
        Line("program", "python", True, f"{platform.python_version()} on {sys.platform}"),
        Line("program", "cores", True, f"{usable_cores()} usable"),
        Line("program", "state", True, _state()),
        *_packages(),
        *_devices(),
        *_codecs(),
        *_models(),
    ]
    return Findings(lines)


def _state() -> str:
    """Where the state is, or would be."""
    path = state_path()
    return f"{path}" if path.exists() else f"{path} (not made yet)"


def _packages() -> list[Line]:
    packages = []
    for name in DISTRIBUTIONS:
        try:
            packages.append(Line("packages", name, True, version(name)))
        except PackageNotFoundError:
            continue
    runtimes = [line for line in packages if line.name.startswith("onnxruntime")]
    if len(runtimes) > 1:
        note = "both are installed and overwrite each other; uninstall both, then install one"
        packages.append(Line("packages", "onnxruntime + onnxruntime-gpu", False, note))
    return packages


def _devices() -> list[Line]:
    """What loads, and what a session with the default model really runs on."""
    lines = []
    for device in ("cpu", "cuda", "tensorrt"):
        missing = find_device(device).missing
        lines.append(Line("devices", device, missing is None, missing or "its libraries load"))
    # Libraries that load prove nothing: only a session with a model in it does.
    try:
        engine = load_engine(find_model(DEFAULT))
    except TaggerError as error:
        return [*lines, Line("devices", "auto", False, str(error))]
    why = f" ({engine.fallback})" if engine.fallback else ""
    shares = sentence(profile_model(engine.path, engine.device))
    return [
        *lines,
        Line("devices", "auto", True, f"would use {engine.device}{why}"),
        Line("devices", "profile", True, shares),
        *(Line("devices", "note", False, note) for note in engine.notes),
    ]


def _codecs() -> list[Line]:
    lines = [
        Line("codecs", "libsndfile", True, soundfile.__libsndfile_version__),
        Line(
            "codecs",
            "ffmpeg",
            True,
            ", ".join(f"{k} {_dotted(v)}" for k, v in _libav().items()),
        ),
    ]
    missing = [name for name in CODECS if not has_decoder(name)]
    present = [name for name in CODECS if name not in missing]
    lines.append(Line("codecs", "decoders", not missing, ", ".join(present)))
    if missing:
        note = f"{', '.join(missing)}: this build of PyAV lacks them; such files will fail"
        lines.append(Line("codecs", "missing", False, note))
    return lines


def _libav() -> dict[str, tuple[int, ...]]:
    libraries = ("libavformat", "libavcodec")
    return {name: number for name, number in av.library_versions.items() if name in libraries}


def _dotted(number: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in number)


def _models() -> list[Line]:
    lines = []
    for card in read_cards():
        note = card.problem or (f"{len(card.spec.labels)} labels" if card.spec else "")
        lines.append(Line("models", card.path.stem, card.problem is None, note))
    return [*lines, Line("models", "your own", True, f"are looked for in {models_folder()}")]


def show(findings: Findings) -> None:
    """Print the findings to stdout."""
    console = Console(emoji=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    group = None
    for line in findings.lines:
        mark = "[green]yes[/]" if line.ok else "[yellow]no[/]"
        title = line.group if line.group != group else ""
        table.add_row(title, escape(sanitise(line.name)), mark, escape(sanitise(line.note)))
        group = line.group
    console.print(table)
