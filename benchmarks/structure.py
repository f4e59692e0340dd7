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

PACKAGES = ("tagger", "train", "export")
ALSO = ("benchmarks", "tests")
LONG, MANY = 50, 7
TIERS = (
    ("errors", "text", "system"),
    ("audio", "model", "tags", "library"),
    ("writing", "state", "genres"),
    ("journal",),
    ("scan", "settings", "diagnostics"),
    ("review", "reports"),
    ("api",),
    ("learning",),
    ("cli", "service", "cluster", "watching"),
)
"""Parts of `tagger`, the lowest first: a part imports its own tier and those below it."""

_SHAPE = re.compile(r"shape \(|\(n_\w+|\(batch|of shape")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_name(path: Path, root: Path) -> str:
    """The dotted name of a file below the root."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources(root: Path, package: str) -> list[Path]:
    """All Python files of a package, in order."""
    return sorted((root / package).rglob("*.py"))


def import_graph(root: Path, *, at_import: bool = False) -> dict[str, set[str]]:
    """Each module of the three packages with the modules of them that it imports.

    Args:
        root: the repository's.
        at_import: only what is loaded when the module is; else also what stands under
            TYPE_CHECKING and inside functions.
    """
    files = {module_name(p, root): p for name in PACKAGES for p in sources(root, name)}
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = _loaded(tree) if at_import else ast.walk(tree)
        targets = {_module_of(one, files) for node in nodes for one in _imported(node)}
        graph[name] = (targets & set(files)) - {name}
    return graph


def _loaded(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that run when a module is imported, without the bodies of functions."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if isinstance(node, _Function) or is_typing:
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from (f"{node.module}.{one.name}" for one in node.names)


def _module_of(name: str, modules: Mapping[str, Path]) -> str:
    """The module that an imported name is, or stands in."""
    return name if name in modules else name.rpartition(".")[0]


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which leads back to itself; none if imports run one way."""
    reach = {name: _reachable(name, graph) for name in graph}
    groups = {
        tuple(sorted({name} | {one for one in reach[name] if name in reach[one]}))
        for name in graph
        if name in reach[name]
    }
    return [list(one) for one in sorted(groups)]


def _reachable(name: str, graph: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[name])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += graph[one]
    return seen


def tier_of(module: str) -> int | None:
    """The tier of a module of `tagger`; None for the package's own face and other packages."""
    parts = module.split(".")
    if parts[0] != "tagger" or len(parts) == 1:
        return None
    return next((i for i, names in enumerate(TIERS) if parts[1] in names), len(TIERS))


def upward(graph: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The imports of `tagger` that lead to a higher tier, as (importer, imported)."""
    return sorted(
        (name, one)
        for name, found in graph.items()
        for one in found
        if (low := tier_of(name)) is not None and (high := tier_of(one)) is not None
        if low < high
    )


def functions(tree: ast.Module) -> list[_Function]:
    """All functions and methods, nested ones too."""
    return [node for node in ast.walk(tree) if isinstance(node, _Function)]


def n_parameters(function: _Function) -> int:
    """Without `self` and `cls`."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def n_comments(text: str) -> int:
    """Lines of comments, also of those below a constant, without what only a tool reads."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = [one.string for one in tokens if one.type == tokenize.COMMENT]
    own = len([one for one in found if not re.match(r"#\s*(noqa|type:|fmt:|!)", one)])
    below = [
        (two.end_lineno or 0) - two.lineno + 1
        for one, two in pairwise(ast.parse(text).body)
        if isinstance(one, ast.Assign | ast.AnnAssign) and _is_string(two)
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
    defined = [
        (f"{path.relative_to(root)}:{one.name}", one)
        for path, text in texts.items()
        for one in functions(ast.parse(text))
    ]
    lengths = [(one.end_lineno or 0) - one.lineno + 1 for _, one in defined]
    code = sum(map(n_code, texts.values()))
    documented = [text for _, one in defined if (text := ast.get_docstring(one))]
    graph = import_graph(root)
    return {
        "files": len(files),
        "entries_under_tagger": len(entries(root)),
        "lines": sum(text.count("\n") for text in texts.values()),
        "lines_of_code": code,
        "lines_by_package": lines_by_package(root),
        "longest_file": max(text.count("\n") for text in texts.values()),
        "functions": len(defined),
        "median_function_lines": statistics.median(lengths),
        "functions_over_40_lines": sum(length > 40 for length in lengths),
        f"functions_over_{LONG}_lines": sum(length > LONG for length in lengths),
        f"more_than_{MANY}_parameters": sum(n_parameters(one) > MANY for _, one in defined),
        f"more_than_{MANY}_parameters_outside_commands": [
            name
            for name, one in defined
            if n_parameters(one) > MANY and not name.startswith("tagger/cli")
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
    found: dict[str, int] = defaultdict(int)
    for name in (*PACKAGES, *ALSO):
        for path in sources(root, name):
            parts = path.relative_to(root).parts
            part = "/".join(parts[:2]) if name == "tagger" and len(parts) > 2 else name
            found[part] += path.read_text(encoding="utf-8").count("\n")
    return dict(found)


def long_functions(root: Path) -> Iterator[str]:
    """Functions over the limit, with their lengths."""
    for path in (path for name in PACKAGES for path in sources(root, name)):
        for one in functions(ast.parse(path.read_text(encoding="utf-8"))):
            length = (one.end_lineno or 0) - one.lineno + 1
            if length > LONG:
                yield f"{path.relative_to(root)}:{one.lineno} {one.name} {length}"


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
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--before", metavar="COMMIT", help="print this one's figures beside")
    given = parser.parse_args()
    now = figures(given.root)
    before = of_commit(given.root, given.before) if given.before else None
    print("\n".join(show(now, before)))
    for name, one in upward(import_graph(given.root)):
        print(f"up: {name} -> {one}")
    for group in cycles(import_graph(given.root)):
        print(f"cycle: {' '.join(group)}")
    for line in long_functions(given.root):
        print(f"long: {line}")
    print(json.dumps({"now": now, "before": before}))


if __name__ == "__main__":
    sys.exit(main())
