"""What is remembered between two runs: one SQLite file, its schema, who holds it.

location.py    which file, and what kind of file system it lies on
lock.py        one process at a time
schema.py      the tables, as numbered migrations
store.py       open, create, migrate; transactions
aside.py       a damaged state set aside, whenever a start is killed
rescue.py      the undo journal out of a damaged state
scan_cache.py  what earlier scans found out; null_cache.py: nothing
"""

from tagger.state.location import state_path
from tagger.state.store import Store, open_store

__all__ = ["Store", "open_store", "state_path"]
