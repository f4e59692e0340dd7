"""MP4: atoms, and the genres in them."""
