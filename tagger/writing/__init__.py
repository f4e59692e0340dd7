"""One file changed and never broken; knows no database."""
