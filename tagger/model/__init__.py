"""A model file and a device -> scores of windows."""
