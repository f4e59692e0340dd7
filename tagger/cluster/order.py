"""The order in which a store lists its keys, so that results are gone through beside a listing.

S3, GCS and Azure list by the bytes of the whole key; what lies on a file system (a folder,
SeaweedFS) lists folder by folder. Which of the two it is shows as soon as it matters.
"""

from collections.abc import Callable, Mapping
from typing import Any


def _by_bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _by_folders(key: str) -> list[bytes]:
    return [part.encode("utf-8", "surrogatepass") for part in key.split("/")]


BYTES, FOLDERS, NONE = "bytes", "folders", "none"
ORDERS: Mapping[str, Callable[[str], Any]] = {BYTES: _by_bytes, FOLDERS: _by_folders}


class ListingOrder:
    """Follows a listing and says which order it has.

    Attributes:
        name: `bytes` or `folders`, as far as is known; `none` for neither.
    """

    def __init__(
        self, name: str, *, on_change: Callable[[str], None] = lambda _name: None
    ) -> None:
        """Believe this order until a key says otherwise.

        Args:
            name: of the order.
            on_change: told the name when it is another one.
        """
        self.name = name
        self._on_change = on_change
        self._possible = set(ORDERS)
        self._last: str | None = None

    def see(self, key: str) -> None:
        """The next key of the listing."""
        last, self._last = self._last, key
        if last is None or self.name == NONE:
            return
        self._possible -= {
            order for order in ORDERS if ORDERS[order](key) <= ORDERS[order](last)
        }
        if self.name not in self._possible:
            self.name = min(self._possible, default=NONE)
            self._on_change(self.name)
