"""Settings -> TOML that says where each value comes from, or a record for programs."""

import json
from typing import Any

from tagger.settings.config import KEYS, TABLES, Settings, config_path
from tagger.text import sanitise


def as_record(settings: Settings) -> dict[str, Any]:
    """The settings as JSON types; `origins` names where a value was set."""
    values = {key: getattr(settings, key) for key in KEYS}
    return {"path": str(config_path()), **values, "origins": dict(settings.origins)}


def as_toml(settings: Settings) -> str:
    """A file that would give the same settings; a comment tells each value's origin."""
    path = config_path()
    lines = [f"# {sanitise(str(path))}" + ("" if path.exists() else " (does not exist)")]
    for key in KEYS:
        if key not in TABLES:
            value = f"{key} = {_toml(getattr(settings, key))}"
            lines.append(f"{value:<32}  # {_origin(settings, key)}")
    for key in TABLES:
        lines += ["", f"[{key}]  # {_origin(settings, key)}"]
        lines += [
            f"{_toml(name)} = {_toml(value)}" for name, value in getattr(settings, key).items()
        ]
    return "\n".join(lines) + "\n"


def _origin(settings: Settings, key: str) -> str:
    return sanitise(settings.origins.get(key, "default"))


def _toml(value: Any) -> str:
    """JSON's strings, numbers and lists are TOML's too, once DEL is escaped."""
    if isinstance(value, tuple):
        value = list(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
