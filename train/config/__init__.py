"""Every choice of a training run, checked."""
