"""What a model is worth: figures, tables, pages."""
