"""Dependencies point one way, and the command answers at once."""

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.import_graph import PACKAGES, TIERS, cycles, import_graph, sources, upward
from benchmarks.structure import entries, long_functions, many_parameters
from tagger.cli.app import app

ROOT = Path(__file__).parent.parent
MAY_TRAIN = ("cli/train.py", "cli/evaluate.py", "cli/models_add.py")
"""Modules of the composition root whose commands call `train` and `export`."""

CHANGES_GRAPHS = ("model/trimmed_front_end.py", "learning/graph.py", "learning/write_model.py")
"""Modules that put a model file together, and need `onnx` for it."""

HEAVY = ("torch", "onnxruntime", "librosa", "fastapi", "onnx", "lightning", "av", "numpy")


def imports_of(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {name.name.split(".")[0] for name in node.names}
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
        *(
            ["onnx"]
            if path.relative_to(ROOT / "tagger").as_posix() not in CHANGES_GRAPHS
            else []
        ),
    }
    if path.relative_to(ROOT / "tagger").as_posix() not in MAY_TRAIN:
        forbidden |= {"train", "export"}
    assert not imports_of(path) & forbidden


@pytest.mark.parametrize("path", sorted((ROOT / "train").rglob("*.py")), ids=str)
def test_train_does_not_know_export(path):
    """Training ends with a checkpoint."""
    assert "export" not in imports_of(path)


@pytest.mark.parametrize("path", sorted((ROOT / "beetsplug").rglob("*.py")), ids=str)
def test_the_beets_plugin_knows_the_runtime_alone(path):
    """Who uses beets has neither torch nor our trainer."""
    assert not imports_of(path) & {"torch", "onnx", "onnxruntime", "train", "export"}


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


GRAPH = import_graph(ROOT)

UPWARD: set[tuple[str, str]] = set()
"""Imports that still lead to a higher tier. The list may only become shorter."""


def test_no_import_cycle():
    """Modules can be ordered so that each imports earlier ones only.

    What stands under TYPE_CHECKING and inside functions counts: it is known to each other all
    the same.
    """
    assert cycles(GRAPH) == []


def test_imports_run_one_way():
    """No part of `tagger` imports one of a higher tier, but for a list that shrinks."""
    found = set(upward(GRAPH))
    assert sorted(found - UPWARD) == []
    assert sorted(UPWARD - found) == [], "mended: take it off the list"


def test_every_part_of_tagger_has_a_tier():
    """A new package or module is given its place before it is landed."""
    known = {name for tier in TIERS for name in tier}
    assert {name.split(".")[1] for name in GRAPH if name.startswith("tagger.")} <= known


def test_few_things_stand_directly_under_tagger():
    """Who opens the folder sees its parts at one look."""
    assert len(entries(ROOT)) <= 25


def test_no_function_is_longer_than_a_page():
    """50 lines with signature and docstring: over that, it is split by stage."""
    assert list(long_functions(ROOT)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_is_longer_than_six_pages(package):
    """300 lines."""
    lines = {
        path: path.read_text(encoding="utf-8").count("\n") for path in sources(ROOT, package)
    }
    assert [str(path) for path, n_lines in lines.items() if n_lines > 300] == []


def test_a_long_function_is_seen(tmp_path):
    """The fence itself."""
    for name in PACKAGES:
        (tmp_path / name).mkdir()
    body = "    pass\n" * 50
    (tmp_path / "tagger" / "a.py").write_text(f"def short():\n{body[9:]}\ndef long():\n{body}")
    (line,) = long_functions(tmp_path)
    assert line.endswith("long 51")


def commands(group=app):
    """The functions that are commands, as `many_parameters` names functions."""
    for command in group.registered_commands:
        path = command.callback.__module__.replace(".", "/")
        yield f"{path}.py:{command.callback.__name__}"
    for item in group.registered_groups:
        yield from commands(item.typer_instance)


def test_only_commands_have_more_than_seven_parameters():
    """Options of the command line are parameters; what else belongs together is a record."""
    checked = (*PACKAGES, "benchmarks", "beetsplug")
    assert sorted(set(many_parameters(ROOT, checked)) - set(commands())) == []


def test_an_eighth_parameter_is_seen(tmp_path):
    """The fence itself: `self` does not count, names after the star do."""
    (tmp_path / "tagger").mkdir()
    (tmp_path / "tagger" / "a.py").write_text(
        "def seven(self, a, b, c, d, *, e, f, g): ...\n"
        "def eight(a, b, c, d, /, e, *, f, g, h): ...\n"
    )
    assert many_parameters(tmp_path, ["tagger"]) == ["tagger/a.py:eight"]


def test_a_cycle_and_a_wrong_way_are_seen():
    """The fence itself: a circle of modules, and a low one that knows a high one."""
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert upward({"tagger.tags.x": {"tagger.cli.y", "tagger.text"}}) == [
        ("tagger.tags.x", "tagger.cli.y")
    ]


FRONT_ENDS = ("cli", "service", "cluster", "watching")
RECORDS = {
    "tagger.journal.put_back": {"OtherFileError", "WayBack", "plan_back"},
    "tagger.journal.reverse_patch": {"pack"},
    "tagger.journal.run": {"WriteRequest"},
    "tagger.journal.undo": {"UndoOptions"},
    "tagger.scan": {"from_settings"},
    "tagger.scan.from_settings": {"writing_of"},
    "tagger.scan.observer": {"Observer"},
    "tagger.scan.options": {"RecallOptions", "ScanOptions"},
    "tagger.scan.records": {"ListenOptions"},
    "tagger.scan.results": {"STATUSES", "Status", "TrackResult"},
    "tagger.scan.timeline": {"Timeline", "segments"},
    "tagger.state.corrections": {"all_corrections", "forget_corrections", "lesson_due"},
}
"""What a front end may use of the parts behind the entry point: options that it fills in,
results, the corrections that lie in the state that `Tagger` holds, and how a change is taken
back: objects have a journal of their own."""


def front_end_modules():
    """The modules of all front ends."""
    folders = [*(ROOT / "tagger" / name for name in FRONT_ENDS), ROOT / "beetsplug"]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


@pytest.mark.parametrize("path", front_end_modules(), ids=str)
def test_front_ends_use_the_door(path):
    """They scan, write, remember and undo through `Tagger`, not behind it."""
    behind = ("tagger.scan", "tagger.journal", "tagger.state")
    used = [
        (node.module, name.name)
        for node in _run_time_nodes(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(behind)
        for name in node.names
    ]
    assert [(where, name) for where, name in used if name not in RECORDS.get(where, ())] == []


def _run_time_nodes(tree):
    """All nodes but those under `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _run_time_nodes(node)


def test_one_files_path_through_a_scan_stays_short():
    """From the command to the renamed file: 25 functions at most, 5 steps back."""
    script = ROOT / "benchmarks" / "path_of_a_file.py"
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    counted = json.loads(done.stdout.splitlines()[-1])
    assert (counted["functions"] <= 25, counted["steps_back"] <= 5) == (True, True), done.stdout
