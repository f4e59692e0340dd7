"""Who imports whom: the modules of `tagger`, `train` and `export`, and the tiers of `tagger`.

Read from their syntax trees; imports under TYPE_CHECKING and inside functions count as well.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGES = ("tagger", "train", "export")
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
        targets = {_module_of(target, files) for node in nodes for target in _imported(node)}
        graph[name] = (targets & set(files)) - {name}
    return graph


def _loaded(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that run when a module is imported, without the bodies of functions."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_typing:
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_of(name: str, modules: Mapping[str, Path]) -> str:
    """The module that an imported name is, or stands in."""
    return name if name in modules else name.rpartition(".")[0]


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which leads back to itself; none if imports run one way."""
    reach = {name: _reachable(name, graph) for name in graph}
    groups = {
        tuple(sorted({name} | {other for other in reach[name] if name in reach[other]}))
        for name in graph
        if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


def _reachable(name: str, graph: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[name])
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += graph[module]
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
        (importer, imported)
        for importer, targets in graph.items()
        for imported in targets
        if (low := tier_of(importer)) is not None and (high := tier_of(imported)) is not None
        if low < high
    )
