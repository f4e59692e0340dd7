"""What it costs to listen: processor time of a network or a model."""

import time

import numpy as np
import torch

from train.evaluation.scorer import ClipScorer


@torch.no_grad()
def cost_ms(scorer: ClipScorer, *, n_windows: int = 8) -> float:
    """Processor time for a minute of audio, windows side by side, least of three, in ms.

    Of all threads together, so that other work on the machine hardly counts.
    """
    options = scorer.config.features_options
    windows = 0.1 * np.random.default_rng(0).standard_normal((n_windows, options.window_len))
    batch = windows.astype(np.float32)
    times = []
    for _ in range(3):
        started = time.process_time()
        scorer.of_waveforms(batch)
        times.append(time.process_time() - started)
    seconds = n_windows * options.window_len / options.sample_rate
    return float(round(1000 * min(times) * 60 / seconds, 2))


def n_parameters(scorer: ClipScorer) -> int | None:
    """Weights of the network; None for a model file."""
    return (
        None
        if scorer.net is None
        else sum(parameter.numel() for parameter in scorer.net.parameters())
    )
