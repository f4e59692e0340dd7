"""APEv2 tags, and the containers that have no other."""
