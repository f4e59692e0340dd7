"""ID3v2 in every version, and the containers that have no other tag of their own."""
