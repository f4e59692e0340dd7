"""What workers do: look through the library, scan, write, undo; each as rows."""
