"""The main job: files in, a result for each out."""
