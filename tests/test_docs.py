"""What the documentation says of the code is true."""

import re
from pathlib import Path

import pytest

from tagger.cli.app import app
from tagger.scan.results import STATUSES
from tests.cli.test_cli import tagger

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands():
    """Names of all commands, as the program lists them."""
    listing = tagger("--help").stdout.split("Your library:", 1)[1]
    return re.findall(r"^  ([a-z]+) ", listing, flags=re.MULTILINE)


def test_the_help_tells_each_command_in_a_whole_sentence():
    """No line of the listing is cut, and every command stands in a section."""
    listing = tagger("--help").stdout.split("Your library:", 1)[1]
    assert "..." not in listing
    assert len(commands()) == len(app.registered_commands) + len(app.registered_groups)


def test_every_command_stands_in_the_readme():
    """A command that nobody is told of is not there."""
    names = commands()
    assert len(names) >= 6
    assert [name for name in names if f"tagger {name}" not in README] == []


@pytest.mark.parametrize("command", ["scan"])
def test_every_option_of_the_main_job_stands_in_the_readme(command):
    """The README names all options of the scan."""
    options = set(re.findall(r"--[a-z][a-z0-9-]+", tagger(command, "--help").stdout))
    assert sorted(one for one in options - {"--help"} if one not in README) == []


def test_every_option_in_the_readme_exists():
    """What the README shows can be typed."""
    known = set()
    for command in commands():
        known |= set(re.findall(r"--[a-z][a-z0-9-]+", tagger(command, "--help").stdout))
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", README))
    assert sorted(shown - known) == []


def test_every_status_is_explained():
    """The table of statuses is complete."""
    assert [one for one in STATUSES if f"`{one}`" not in README] == []


def test_the_tree_in_the_readme_is_the_tree_on_disk():
    """Each file and folder that the tree names is there."""
    tree = README.split("## The tree", 1)[1].split("```")[1]
    package = ""
    for line in tree.strip().splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            package = name
            assert (ROOT / name).is_dir(), name
        for one in re.findall(r"[a-z_0-9]+\.py|\b[a-z_]+/(?=[ ,:\n])", line):
            path = ROOT / one if one == package else ROOT / package / one
            assert path.exists(), path
