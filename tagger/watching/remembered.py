"""How files were left: a table of one size, however many files there are."""

from array import array

Signature = tuple[int, int, int, int]
"""Size, modification time, change time (both in ns) and inode: what no writer leaves alike."""

N_SLOTS = 1 << 19
"""Files that are remembered at most, at 8 bytes each."""

_WAYS = 8
_SIGNATURE_BITS = 40
_SIGNATURE_MASK = (1 << _SIGNATURE_BITS) - 1
_HASH_MASK = (1 << 64) - 1


class Remembered:
    """The signature with which each of many files was left, by path.

    A few words a file in Python's own containers are half a kilobyte; here it is 8 bytes, and
    the table is as large for one file as for all. A path has 8 places; when they are full, one
    that stands there is lost, so that its file is looked at once more. That another signature
    of the same file is taken for the remembered one happens once in 2^40 times.
    """

    def __init__(self, *, n_slots: int = N_SLOTS) -> None:
        """Remember nothing yet.

        Args:
            n_slots: a power of two, 8 at least.
        """
        self._n_sets = n_slots // _WAYS
        self._slots = array("Q", bytes(8 * n_slots))

    def holds(self, path: str, signature: Signature) -> bool:
        """Whether a file was left with this signature."""
        start, mark = self._place(path)
        return mark | _short(signature) in self._slots[start : start + _WAYS]

    def put(self, path: str, signature: Signature) -> None:
        """Remember how a file was left, in place of what is remembered of it."""
        start, mark = self._place(path)
        new = mark | _short(signature)
        at = self._at(start, mark)
        if at is None:
            at = self._at(start, 0)
        if at is None:  # full: one of the others goes, not always the same
            at = start + new % _WAYS
        self._slots[at] = new

    def drop(self, path: str) -> None:
        """Forget a file."""
        at = self._at(*self._place(path))
        if at is not None:
            self._slots[at] = 0

    def _at(self, start: int, mark: int) -> int | None:
        """Where in a set of places one with this mark stands."""
        for at in range(start, start + _WAYS):
            if self._slots[at] & ~_SIGNATURE_MASK == mark:
                return at
        return None

    def _place(self, path: str) -> tuple[int, int]:
        """The first place of a path, and its mark: the upper 24 bits, never 0."""
        number = hash(path) & _HASH_MASK
        mark = (number >> _SIGNATURE_BITS) | 1
        return number % self._n_sets * _WAYS, mark << _SIGNATURE_BITS


def _short(signature: Signature) -> int:
    return hash(signature) & _SIGNATURE_MASK
