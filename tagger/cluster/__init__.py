"""The same scan on Ray, over objects in a store (extra `cluster`)."""
