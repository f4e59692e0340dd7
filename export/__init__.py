"""Turns a checkpoint of `train` into one ONNX file with the front end inside."""
