"""Asks pip-audit about the packages of an environment: `audit.py PIP_AUDIT SITE_PACKAGES`.

Exit code 0: no known vulnerability; 1: there are some; 3: the service that knows them did not
answer, so nothing can be said. The last line says which.
"""

import json
import subprocess
import sys
from typing import Any

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 3


def verdict(report: str, complaint: str) -> tuple[int, list[str]]:
    """What pip-audit's JSON means: the exit code, and lines of which the last says it.

    Args:
        report: what it wrote to stdout; empty where it gave up.
        complaint: what it wrote to stderr.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        why = complaint.strip().splitlines()[-1:] or ["pip-audit said nothing"]
        return UNKNOWN, [*why, "NOT AUDITED: the vulnerability service did not answer."]
    ours = {"tagger-music"}  # not on the index
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    unknown = [name for name in skipped if name.replace("_", "-").lower() not in ours]
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, fixed in"
        f" {', '.join(flaw['fix_versions']) or 'no version'}"
        for package in packages
        for flaw in package.get("vulns", ())
    ]
    n_audited = len(packages) - len(skipped)
    if found:
        return VULNERABLE, [*found, f"VULNERABLE: {len(found)} in {n_audited} packages."]
    if n_audited == 0 or unknown:
        lines = [f"no answer about {', '.join(unknown)}"] if unknown else []
        said = f"NOT AUDITED: {n_audited} of {len(packages)} packages are known to the service."
        return UNKNOWN, [*lines, said]
    return CLEAN, [f"CLEAN: no known vulnerability in {n_audited} packages."]


def main() -> None:
    """Ask, print, exit."""
    pip_audit, path = sys.argv[1:]
    command = [pip_audit, "--path", path, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    code, lines = verdict(done.stdout, done.stderr)
    print("\n".join(lines))
    sys.exit(code)


if __name__ == "__main__":
    main()
