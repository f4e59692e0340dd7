"""A thin MobileNet of EfficientAT: weights that are made up, and the network in torch."""

import numpy as np
import torch
from torch.nn import functional as F

from export.public.efficientat import _N_RELU, _STRIDES, EPSILON


def efficientat_state(width=8, n_tags=527, seed=0):
    """Weights of a thin MobileNet with the names of the family, as torch tensors."""
    rng = np.random.default_rng(seed)
    state = {}

    def conv(name, n_out, n_in, size, *, groups=1):
        shape = (n_out, n_in // groups, size, size)
        state[f"{name}.0.weight"] = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        for part, low, high in (
            ("weight", 0.7, 1.3), ("bias", -0.2, 0.2), ("running_mean", -0.2, 0.2),
            ("running_var", 0.5, 1.5),
        ):  # fmt: skip
            state[f"{name}.1.{part}"] = rng.uniform(low, high, n_out)

    def linear(name, n_out, n_in):
        state[f"{name}.weight"] = rng.normal(0, n_in**-0.5, (n_out, n_in))
        state[f"{name}.bias"] = rng.uniform(-0.1, 0.1, n_out)

    conv("features.0", width, 1, 3)
    n_in = width
    excited = {4, 5, 6, 11, 12, 13, 14, 15}
    for i in range(1, 16):
        name, wide = f"features.{i}.block", width if i == 1 else 2 * width
        j = 0
        if i > 1:
            conv(f"{name}.{j}", wide, n_in, 1)
            j += 1
        conv(f"{name}.{j}", wide, wide, 5 if i in excited else 3, groups=wide)
        j += 1
        if i in excited:
            linear(f"{name}.{j}.conc_se_layers.0.fc1", width, wide)
            linear(f"{name}.{j}.conc_se_layers.0.fc2", wide, width)
            j += 1
        n_out = width if i < 7 else width + 4
        conv(f"{name}.{j}", n_out, wide, 1)
        n_in = n_out
    conv("features.16", 6 * n_in, n_in, 1)
    linear("classifier.2", 32, 6 * n_in)
    linear("classifier.5", n_tags, 32)
    return {name: torch.from_numpy(value.astype(np.float32)) for name, value in state.items()}


def efficientat_in_torch(state, features):
    """MobileNetV3 large as it was published, for torch."""

    def conv(x, name, stride=1):
        kernel = state[f"{name}.0.weight"]
        groups = x.shape[1] if kernel.shape[1] == 1 and x.shape[1] > 1 else 1
        x = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[2] // 2, groups=groups)
        parts = [
            state[f"{name}.1.{text}"] for text in ("running_mean", "running_var", "weight")
        ]
        return F.batch_norm(x, *parts, state[f"{name}.1.bias"], eps=EPSILON)

    def linear(x, name):
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    x = F.hardswish(conv(features[:, None], "features.0", 2))
    for i, stride in enumerate(_STRIDES, 1):
        act = F.hardswish if i > _N_RELU else F.relu
        y, j, name = x, 0, f"features.{i}.block"
        if i > 1:
            y, j = act(conv(y, f"{name}.0")), 1
        y, j = act(conv(y, f"{name}.{j}", stride)), j + 1
        if f"{name}.{j}.conc_se_layers.0.fc1.weight" in state:
            se = f"{name}.{j}.conc_se_layers.0"
            scale = linear(F.relu(linear(y.mean(dim=(2, 3)), f"{se}.fc1")), f"{se}.fc2")
            y, j = y * torch.sigmoid(scale)[:, :, None, None], j + 1
        y = conv(y, f"{name}.{j}")
        x = y + x if stride == 1 and y.shape[1] == x.shape[1] else y
    pooled = F.hardswish(conv(x, "features.16")).mean(dim=(2, 3))
    logits = linear(F.hardswish(linear(pooled, "classifier.2")), "classifier.5")
    return torch.sigmoid(logits).numpy(), pooled.numpy()
