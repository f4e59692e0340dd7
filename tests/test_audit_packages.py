import importlib.util
import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "audit.py"
CLEAN = {"name": "numpy", "version": "2.0", "vulns": []}
FLAWED = {
    "name": "requests",
    "version": "2.19.0",
    "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"]}],
}
OURS = {"name": "tagger-music", "skip_reason": "not found on PyPI"}
UNHEARD = {"name": "rich", "skip_reason": "not found on PyPI"}


@pytest.fixture(scope="module")
def audit():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("ci_audit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("packages", "code", "word"),
    [
        ([CLEAN, OURS], 0, "CLEAN"),
        ([CLEAN, FLAWED], 1, "VULNERABLE"),
        ([FLAWED, UNHEARD], 1, "VULNERABLE"),
        ([CLEAN, UNHEARD], 3, "NOT AUDITED"),
        ([UNHEARD, OURS], 3, "NOT AUDITED"),
        ([], 3, "NOT AUDITED"),
    ],
)
def test_only_a_full_answer_is_called_clean(audit, packages, code, word):
    """A service that knows some of the packages, or none, has not cleared the others."""
    found, lines = audit.verdict(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found == code
    assert lines[-1].startswith(word)


def test_a_service_that_is_not_there_is_told(audit):
    """Without network the audit says so with its cause, and calls nothing clean."""
    found, lines = audit.verdict("", "Traceback\nConnectionError: Failed to resolve\n")
    assert found == 3
    assert "Failed to resolve" in lines[0]
