"""What is remembered between two runs: one SQLite file, its schema, who holds it.

place.py    which file, and what kind of file system it lies on
hold.py     one process at a time
schema.py   the tables, as numbered migrations
store.py    open, create, migrate, set aside; transactions
"""

from tagger.state.location import state_path
from tagger.state.store import Store, open_store

__all__ = ["Store", "open_store", "state_path"]
