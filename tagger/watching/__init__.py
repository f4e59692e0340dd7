"""A folder followed: what is new or changed is scanned once it is whole."""
