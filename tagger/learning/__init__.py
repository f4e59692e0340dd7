"""A personal model from the library's own tags and from corrections; similar tracks.

vocabulary.py   genres as files spell them -> labels that are learned, and those left out
table.py        the tracks that are learned from, as arrays
features.py     embeddings -> what the head sees
head.py         a logistic regression a label, all at once, in NumPy
folds.py        no artist on two sides
held_out.py     what a head says of artists that it does not know
calibrate.py    logits -> probabilities; thresholds
measure.py      average precision, precision, recall, intervals
suspicions.py   the owner's tags that are most surely contradicted
learn.py        all of these: a table -> what was learned, and what it is worth
graph.py        a head's nodes behind the base model's embedding
write_model.py  what was learned -> one model file, compared with its parts before it is named
gather.py       files -> labelled tracks and their embeddings
show.py         what was learned, as tables for people and records for programs
run.py          the command: gather, learn, write, remember how
examples.py     labels from a few examples
similar.py      exact search among embeddings; near duplicates
present.py      which files are there
library_index.py   a library -> what is searched
"""
