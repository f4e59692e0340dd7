"""The cache of a scan that remembers nothing; the methods are those of `ScanCache`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from tagger.library.listing import Entry
from tagger.state.records import Result, StoredFile


class NullCache:
    """Knows nothing and stores nothing."""

    is_stored = False

    def folder(self, folder: Path) -> tuple[bytes, dict[str, int]] | None:  # noqa: ARG002
        """None: no folder was ever done."""
        return None

    def files(self, folder: Path) -> dict[str, StoredFile]:  # noqa: ARG002
        """Nothing."""
        return {}

    def result(self, content: bytes) -> Result | None:  # noqa: ARG002
        """None: no audio was ever scored."""
        return None

    def failed_alike(self, stored: StoredFile) -> bool:  # noqa: ARG002
        """False: there is nothing that could have failed."""
        return False

    def store_file(self, folder: Path, entry: Entry, **fields: object) -> None:
        """Do nothing."""

    def embedding(self, content: bytes) -> bytes | None:  # noqa: ARG002
        """None: no audio was ever scored."""
        return None

    def store_result(
        self, content: bytes, result: Result, embedding: bytes | None = None
    ) -> None:
        """Do nothing."""

    def store_change(self, folder: Path, entry: Entry, tags: str) -> None:
        """Do nothing."""

    def store_folder(self, folder: Path, listing: bytes, counts: Mapping[str, int]) -> None:
        """Do nothing."""

    def forget(self, folder: Path, names: Iterable[str]) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""
