"""One training run: the network, its losses, and the loop around them."""
