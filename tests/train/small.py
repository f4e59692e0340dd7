"""Every front end and every body in a size that trains in milliseconds."""

FEATURES = {
    "mel": {"n_mels": 32, "n_frames": 16},
    "mfcc": {"n_bands": 32, "n_mfcc": 20, "n_frames": 16},
    "chroma": {"n_frames": 16},
    "midi": {"n_frames": 16},
    "raw": {"n_filters": 16, "kernel_len": 64, "stride": 50, "pool": 2, "n_frames": 16},
}
BODIES = {
    "cnn": {"channels": [4, 8, 8], "pools": [[2, 2], [2, 2], [2, 2]]},
    "cnn-deep": {"channels": [4, 8, 8, 8], "n_hidden": 8},
    "lstm": {"n_hidden": 8},
    "gru": {"n_hidden": 8},
    "crnn": {"channels": [4, 8], "pools": [[2, 2], [4, 2]], "n_hidden": 8},
    "cnn-lstm": {"channels": [4, 8, 8], "pools": [[2, 2], [2, 1]], "n_hidden": 8},
    "cnn-lstm-attention": {"channels": [4, 8], "width": 16, "n_layers": 1, "n_hidden": 8},
    "cnn-stats": {
        "channels": [4, 8, 8],
        "pools": [[2, 2], [2, 1]],
        "n_hidden": 8,
        "stats_hidden": 16,
        "stats_out": 8,
    },
    "cnn-transformer": {
        "channels": [4, 8],
        "pools": [[2, 2], [4, 2]],
        "width": 16,
        "n_heads": 2,
        "n_layers": 1,
        "n_inner": 16,
    },
}


def tree(features: str = "mel", body: str = "cnn-lstm", **changes):
    """A configuration's fields for a small network."""
    return {
        "features": features,
        "features_options": FEATURES[features],
        "body": body,
        "body_options": BODIES[body],
        **changes,
    }
