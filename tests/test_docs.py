"""What the documentation says of the code is true."""

import inspect
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docs.make_cli import PAGE, commands, page, parameters
from tagger import Tagger, __version__
from tagger.cli.app import app
from tagger.scan.results import STATUSES
from tagger.settings.config import KEYS
from tests.cli.test_cli import tagger

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = [name for name, _ in commands()]
WIDE = {"COLUMNS": "600", "NO_COLOR": "1", "TERM": "dumb"}
runner = CliRunner()
OPTIONS = {
    option
    for _, command in commands()
    for given in parameters(command)
    for option in given.options
}
ALSO = {"--help", "--version", "--bodies"}
"""Options that every command has, and those of benchmarks that stand on a line of their own."""

PLUGIN = (ROOT / "beetsplug" / "tagger" / "__init__.py").read_text(encoding="utf-8")
OF_BEETS = set(re.findall(r'add\("-\w", "(--[a-z]+)"|add\("(--[a-z]+)"', PLUGIN))
"""The options of `beet tagger`."""

SCRIPT = (ROOT / "train" / "experiments" / "__main__.py").read_text(encoding="utf-8")
OF_EXPERIMENTS = set(re.findall(r'add_argument\("(--[a-z]+)"', SCRIPT))
"""The options of `python -m train.experiments`."""


def test_the_help_tells_each_command_in_a_whole_sentence():
    """No line of the listing is cut, and every command stands in a section."""
    listing = tagger("--help").stdout.split("Your library:", 1)[1]
    assert "..." not in listing
    shown = re.findall(r"^  ([a-z]+) ", listing, flags=re.MULTILINE)
    assert len(shown) == len(app.registered_commands) + len(app.registered_groups)


def test_the_page_of_commands_is_what_the_program_says():
    """`docs/cli.md` is made from the help; `make docs` makes it again."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make docs"


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=COMMANDS)
def test_the_help_of_a_command_is_shown_whole(name, command):
    """Nothing in brackets is lost, no line breaks where the source does, all has a text."""
    shown = runner.invoke(app, [*name.split()[1:], "--help"], env=WIDE).output
    told = " ".join(shown.split())
    for paragraph in inspect.getdoc(command).split("\n\n"):
        joined = " ".join(paragraph.split())
        assert any(joined in line for line in shown.splitlines()), joined
    for parameter in parameters(command):
        assert parameter.info.help, parameter.name
        assert parameter.info.help in told, parameter.info.help
        if not parameter.options:
            assert str(parameter.info.metavar) in told, parameter.name


def test_the_page_of_commands_knows_what_the_help_shows():
    """The page reads signatures; what the program itself prints has the same options."""
    shown = set(re.findall(r"--[a-z][a-z0-9-]+", tagger("scan", "--help").stdout))
    scan = dict(commands())["tagger scan"]
    listed = {option for parameter in parameters(scan) for option in parameter.options}
    assert shown - {"--help"} == {item for item in listed if item.startswith("--")}


def test_every_command_stands_in_the_readme():
    """A command that nobody is told of is not there."""
    assert len(COMMANDS) >= 6
    names = {" ".join(name.split()[:2]) for name in COMMANDS}
    assert sorted(name for name in names if name not in README) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_option_in_the_documents_exists(path):
    """What the documents show of `tagger` can be typed."""
    text = path.read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not _is_of_another(line))
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", lines))
    own = {option for pair in OF_BEETS for option in pair} if path.name == "beets.md" else set()
    own |= OF_EXPERIMENTS if path.name == "training.md" else set()
    assert sorted(shown - OPTIONS - ALSO - own) == []


def _is_of_another(line):
    """Whether a line is about another program: a benchmark, pip, make, ruff ..."""
    others = r"benchmarks/|pip |\.ci/|docker|weed |ray |uvicorn|alembic|systemctl"
    return re.search(others, line)


def test_every_status_is_explained():
    """The table of statuses is complete."""
    text = (ROOT / "docs" / "scan.md").read_text(encoding="utf-8")
    assert [status for status in STATUSES if f"`{status}`" not in text] == []


def test_every_setting_is_explained():
    """The table of settings is complete."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [key for key in KEYS if f"`{key}`" not in text and f"`[{key}]`" not in text] == []


def test_the_readme_is_read_in_a_few_minutes():
    """Everything beyond that stands in `docs/`."""
    assert len(README.split()) < 1_500


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    """Files that a document links to are there."""
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_documents_name_are_there(path):
    """A path of the repository in a document is not one of last month."""
    kinds = "py|md|yaml|ipynb"
    named = re.findall(
        rf"\b(?:tagger|train|export|benchmarks|tests|docs)/[\w/.-]+\.(?:{kinds})\b",
        path.read_text(encoding="utf-8"),
    )
    assert [item for item in named if not (ROOT / item).exists()] == []


def test_the_tree_in_the_readme_is_the_tree_on_disk():
    """Each file and folder that the tree names is there, in about fifteen lines."""
    tree = README.split("## The tree", 1)[1].split("```")[1].strip().splitlines()
    assert len(tree) <= 20
    package = ""
    for line in tree:
        name = line.split()[0]
        if not line.startswith(" "):
            package = name
            assert (ROOT / name).is_dir(), name
        for item in re.findall(r"[a-z_0-9]+\.py|\b[a-z_]+/(?=[ ,:\n])", line):
            path = ROOT / item if item == package else ROOT / package / item
            assert path.exists(), path


def test_every_part_of_tagger_stands_in_the_tree():
    """A folder that the tree does not name is one that nobody finds."""
    tree = README.split("## The tree", 1)[1].split("```")[1]
    folders = {
        path.name for path in (ROOT / "tagger").iterdir() if (path / "__init__.py").exists()
    }
    assert sorted(name for name in folders if f"{name}/" not in tree) == []


def test_the_code_in_the_readme_is_the_interface():
    """The names and methods of "From Python" exist."""
    code = README.split("## From Python", 1)[1].split("```python")[1].split("```")[0]
    compile(code, "README.md", "exec")
    for method in re.findall(r"tagger\.([a-z_]+)\(", code):
        assert callable(getattr(Tagger, method)), method


def test_a_decision_is_one_dated_file():
    """Its name begins with its date, its text with what was chosen."""
    for path in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        assert re.match(r"\d{4}-\d\d-\d\d-[a-z0-9-]+\.md", path.name), path.name
        assert path.read_text(encoding="utf-8").startswith("# "), path.name


def test_the_version_is_one():
    """The package, its metadata and the changelog name the same newest version."""
    metadata = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version = "{__version__}"' in metadata
    assert re.findall(r"^## (\d[\d.]+) - 20\d\d-\d\d-\d\d$", changes, re.MULTILINE)[0] == (
        __version__
    )


def test_every_benchmark_stands_behind_something():
    """A script is named by a document, a target or a test, or is a part of one that is."""
    folder = ROOT / "benchmarks"
    places = [*ROOT.glob("*.md"), ROOT / "Makefile", *(ROOT / "docs").rglob("*.md")]
    places += [ROOT / "train" / "LOG.md", *(ROOT / "tests").rglob("*.py")]
    texts = [place.read_text(encoding="utf-8") for place in places]
    scripts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    named = {
        name
        for name in scripts
        if any(re.search(rf"benchmarks[./]{name}\b|\"{name}(\.py)?\"", text) for text in texts)
    }
    while more := {
        name
        for name in set(scripts) - named
        if any(
            re.search(rf"(from|import) {name}\b|[\"/]{name}\.py|\"{name}\"", scripts[item])
            for item in named
        )
    }:
        named |= more
    assert sorted(set(scripts) - named) == []


def test_hooks_before_a_commit_are_those_of_make():
    """What pre-commit runs is what `make lint` and `make types` run, in the same order."""
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = re.findall(r"^\t\$\(TEST\)/bin/((?:ruff|mypy).*)$", make, flags=re.MULTILINE)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^ +entry: \.venv-test/bin/(.*)$", hooks, flags=re.MULTILINE)
    assert entries == [line.removesuffix(" .") for line in lines]
