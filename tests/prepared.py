"""A write that has been made and not yet committed."""

from pathlib import Path
from typing import Any

from tagger.writing.options import WriteRequest
from tagger.writing.replace import PreparedWrite
from tagger.writing.safe_write import plan_write


def prepare(path: Path, *values: Any, **options: Any) -> PreparedWrite | None:
    """Plan a write and make its copy; None if the file holds exactly these values."""
    planned = plan_write(WriteRequest(path, *values, **options))
    if planned is not None:
        planned.make()
    return planned
