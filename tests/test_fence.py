"""Dependencies point one way, and the command answers at once."""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_TRAIN = ("cli/train.py", "cli/evaluate.py", "cli/models_add.py")
"""Modules of the composition root whose commands call `train` and `export`."""

HEAVY = ("torch", "onnxruntime", "librosa", "fastapi", "onnx", "lightning", "av", "numpy")


def imports_of(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {one.name.split(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "tagger").rglob("*.py")), ids=str)
def test_only_the_composition_root_knows_train_and_export(path):
    """`tagger` runs without torch: two modules of commands name the other two packages."""
    forbidden = {
        "torch",
        "lightning",
        "librosa",
        *(["onnx"] if path.name != "trimmed_front_end.py" else []),
    }
    if path.relative_to(ROOT / "tagger").as_posix() not in MAY_TRAIN:
        forbidden |= {"train", "export"}
    assert not imports_of(path) & forbidden


@pytest.mark.parametrize("path", sorted((ROOT / "train").rglob("*.py")), ids=str)
def test_train_does_not_know_export(path):
    """Training ends with a checkpoint."""
    assert "export" not in imports_of(path)


def test_importing_the_command_line_loads_nothing_heavy():
    """`import tagger.cli.app` loads no runtime, no decoder and no array library."""
    code = f"import sys, tagger.cli.app; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"


def test_help_answers_in_under_a_third_of_a_second():
    """Its processor time is measured: the wall clock of a busy machine proves nothing."""
    times = []
    for _ in range(3):
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", "from tagger.cli.app import main; main()", "--help"],
            capture_output=True,
            check=True,
            cwd=ROOT,
        )
        after = os.times()
        times.append(
            after.children_user + after.children_system
            - before.children_user - before.children_system
        )  # fmt: skip
        time.sleep(0.01)
    assert min(times) < 0.45


def test_no_import_cycle():
    """Modules of the three packages can be ordered so that each imports earlier ones only."""
    graph = {}
    for package in ("tagger", "train", "export"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            graph[name] = _top_level_imports(path)
    known = {
        name: {_module_of(one, graph) for one in found} & set(graph) - {name}
        for name, found in graph.items()
    }
    while ready := [name for name, found in known.items() if not found & set(known)]:
        for name in ready:
            del known[name]
    assert not known, f"a cycle runs through {sorted(known)}"


def _module_of(name: str, modules) -> str:
    """`package.module` if that is one, else the package or module that holds the name."""
    return name if name in modules else name.rpartition(".")[0]


def _top_level_imports(path: Path) -> set[str]:
    """What is imported when the file is imported (not inside functions), as dotted names."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{one.name}" for one in node.names}
    return names
