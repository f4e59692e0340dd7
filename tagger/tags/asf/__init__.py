"""ASF (WMA): objects, and the attributes in them."""
