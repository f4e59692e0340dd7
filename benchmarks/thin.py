"""A stored set with rare labels: `thin.py SET.npz OUT.npz --rotate N`.

Halves the training clips of one label after another: the first keeps all, the second a half,
the third a quarter, and so on. `--rotate` says which label is the first, so that what a label
is can be told from how rare it is. The clips of other splits all stay. Prints the counts and,
as last line, one JSON object; `tagger study rare` then asks what rarity costs.
"""

import argparse
import json
from pathlib import Path

import numpy as np


def main() -> None:
    """Write the thinned set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rotate", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with np.load(asked.set, allow_pickle=False) as stored:
        fields = {name: stored[name] for name in stored.files if name != "vggish"}
    labels = np.unique(fields["genre"])
    rng = np.random.default_rng(asked.seed)
    keep = fields["split"] != "train"
    for i, label in enumerate(np.roll(labels, -asked.rotate)):
        own = np.flatnonzero((fields["genre"] == label) & (fields["split"] == "train"))
        keep[rng.permutation(own)[: len(own) >> i]] = True
    kept = {
        name: array[keep] if len(array) == len(keep) else array
        for name, array in fields.items()
        if array.ndim
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(asked.out, **kept, **{n: a for n, a in fields.items() if not a.ndim})
    train = kept["genre"][kept["split"] == "train"]
    counts = {str(label): int((train == label).sum()) for label in labels}
    print("\n".join(f"{label}: {count}" for label, count in counts.items()))
    print(json.dumps({"out": str(asked.out), "train_clips": counts}))


if __name__ == "__main__":
    main()
