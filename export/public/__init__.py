"""Public models -> files of our contract: front end inside, labels with kinds and tree.

Nothing here imports torch or TensorFlow: weights are read by small readers of their file
formats, and graphs are put together node by node. What is downloaded, and from where, stands
in `registry.toml` alone.
"""
