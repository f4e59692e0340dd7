"""Questions that take several runs, and choices that did not become defaults."""
