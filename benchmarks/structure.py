"""How the code is built: `structure.py [ROOT] [--before COMMIT]`, figures and wrong ways.

Files, lines, functions, parameters, comments, docstrings and imports of `tagger`, `train` and
`export`, read from their syntax trees. Imports under TYPE_CHECKING and inside functions count
as well. With `--before` the same is printed of an earlier commit, side by side. The last line
is JSON.
"""

import argparse
import ast
import io
import json
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.import_graph import (  # noqa: E402
    PACKAGES,
    cycles,
    import_graph,
    sources,
    upward,
)

ALSO = ("benchmarks", "tests")
LONG, MANY = 50, 7
_SHAPE = re.compile(r"shape \(|\(n_\w+|\(batch|of shape")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def defined(root: Path, packages: Iterable[str] = PACKAGES) -> Iterator[tuple[str, _Function]]:
    """All functions and methods, nested ones too, named as `tagger/cli/scan.py:scan`."""
    for path in (path for name in packages for path in sources(root, name)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, _Function):
                yield f"{path.relative_to(root).as_posix()}:{node.name}", node


def n_lines(function: _Function) -> int:
    """With signature and docstring."""
    return (function.end_lineno or 0) - function.lineno + 1


def n_parameters(function: _Function) -> int:
    """Without `self` and `cls`."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def many_parameters(root: Path, packages: Iterable[str] = PACKAGES) -> list[str]:
    """Functions with more parameters than `MANY`, as `tagger/cli/scan.py:scan`."""
    return [name for name, function in defined(root, packages) if n_parameters(function) > MANY]


def n_comments(text: str) -> int:
    """Lines of comments, also of those below a constant, without what only a tool reads."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    own = len(
        [comment for comment in comments if not re.match(r"#\s*(noqa|type:|fmt:|!)", comment)]
    )
    below = [
        (two.end_lineno or 0) - two.lineno + 1
        for statement, two in pairwise(ast.parse(text).body)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and _is_string(two)
    ]
    return own + sum(below)


def n_code(text: str) -> int:
    """Lines that are neither blank nor a comment nor in a docstring."""
    lines = {
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and _is_string(node):
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines)


def _is_string(node: ast.stmt) -> bool:
    """Whether a statement is a string alone: a docstring, or a remark below a constant."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def figures(root: Path) -> dict[str, Any]:
    """Everything that is counted of one tree."""
    files = [path for name in PACKAGES for path in sources(root, name)]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    every = [function for _, function in defined(root)]
    lengths = list(map(n_lines, every))
    code = sum(map(n_code, texts.values()))
    crowded = many_parameters(root)
    documented = [text for function in every if (text := ast.get_docstring(function))]
    graph = import_graph(root)
    return {
        "files": len(files),
        "entries_under_tagger": len(entries(root)),
        "lines": sum(text.count("\n") for text in texts.values()),
        "lines_of_code": code,
        "lines_by_package": lines_by_package(root),
        "longest_file": max(text.count("\n") for text in texts.values()),
        "functions": len(every),
        "median_function_lines": statistics.median(lengths),
        "functions_over_40_lines": sum(length > 40 for length in lengths),
        f"functions_over_{LONG}_lines": sum(length > LONG for length in lengths),
        f"more_than_{MANY}_parameters": len(crowded),
        f"more_than_{MANY}_parameters_outside_commands": [
            name for name in crowded if not name.startswith("tagger/cli")
        ],
        "comments_per_100_lines_of_code": round(
            100 * sum(map(n_comments, texts.values())) / code, 1
        ),
        "functions_with_docstring": len(documented),
        "docstrings_with_raises": sum("Raises:" in text for text in documented),
        "docstrings_with_shapes": sum(bool(_SHAPE.search(text)) for text in documented),
        "import_cycles_at_import": len(cycles(import_graph(root, at_import=True))),
        "import_cycles": len(cycles(graph)),
        "imports_to_a_higher_tier": len(upward(graph)),
    }


def entries(root: Path) -> list[str]:
    """What stands directly under `tagger/`, without what an interpreter leaves there."""
    return sorted(
        path.name for path in (root / "tagger").iterdir() if path.name != "__pycache__"
    )


def lines_by_package(root: Path) -> dict[str, int]:
    """Lines of Python by folder: those of `tagger` one by one, the other packages whole."""
    lines: dict[str, int] = defaultdict(int)
    for name in (*PACKAGES, *ALSO):
        for path in sources(root, name):
            parts = path.relative_to(root).parts
            part = "/".join(parts[:2]) if name == "tagger" and len(parts) > 2 else name
            lines[part] += path.read_text(encoding="utf-8").count("\n")
    return dict(lines)


def long_functions(root: Path) -> Iterator[str]:
    """Functions over the limit, with their lengths."""
    for name, function in defined(root):
        if n_lines(function) > LONG:
            yield f"{name} {n_lines(function)}"


def of_commit(root: Path, commit: str) -> dict[str, Any]:
    """The figures of an earlier commit."""
    packed = subprocess.run(
        ["git", "archive", commit], cwd=root, check=True, capture_output=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        return figures(Path(folder))


def show(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> Iterable[str]:
    """The figures as lines of a Markdown table."""
    yield "| | " + ("before | now |" if before else "now |")
    yield "|---|" + ("--:|--:|" if before else "--:|")
    for name, value in now.items():
        if isinstance(value, dict):
            continue
        shown = len(value) if isinstance(value, list) else value
        cells = [shown]
        if before is not None:
            old = before[name]
            cells = [len(old) if isinstance(old, list) else old, shown]
        yield f"| {name.replace('_', ' ')} | {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print the table, what runs the wrong way or is too long, and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("root", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--before", metavar="COMMIT", help="print this one's figures beside")
    given = parser.parse_args()
    now = figures(given.root)
    before = of_commit(given.root, given.before) if given.before else None
    print("\n".join(show(now, before)))
    for name, target in upward(import_graph(given.root)):
        print(f"up: {name} -> {target}")
    for group in cycles(import_graph(given.root)):
        print(f"cycle: {' '.join(group)}")
    for line in long_functions(given.root):
        print(f"long: {line}")
    print(json.dumps({"now": now, "before": before}))


if __name__ == "__main__":
    sys.exit(main())
