"""The networks of sota-music-tagging-models in torch, as published, and what runs a graph."""

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

from export.public.builder import Builder


def with_features(add, recipe, n_labels, waveform):
    """Features, scores and embedding."""
    builder = Builder()
    logits, width = add(builder)
    builder.node("Sigmoid", logits, output="scores")
    model = builder.model(window_len=recipe.window_len, n_labels=n_labels, embedding=width)
    model.graph.output.append(
        next(tensor for tensor in model.graph.value_info if tensor.name == "features")
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(["features", "scores", "embedding"], {"waveform": waveform})


def noise(recipe, n=2):
    rng = np.random.default_rng(0)
    levels = np.geomspace(1, 0.01, n)[:, None]
    return (levels * rng.normal(0, 0.3, (n, recipe.window_len))).astype(np.float32)


class Conv(nn.Module):
    """A convolution, normalised, rectified, pooled."""

    def __init__(self, n_in, n_out, pool):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out)
        self.pool = pool

    def forward(self, x):
        return F.max_pool2d(F.relu(self.bn(self.conv(x))), self.pool)


class Fcn(nn.Module):
    """Five convolutions and a dense layer."""

    def __init__(self):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths, pools = (1, 64, 128, 128, 128, 64), ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))
        for i in range(5):
            setattr(self, f"layer{i + 1}", Conv(widths[i], widths[i + 1], pools[i]))
        self.dense = nn.Linear(64, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        for i in range(5):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.dense(x.flatten(1))


class Crnn(nn.Module):
    """Four convolutions and two recurrent layers."""

    def __init__(self):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths, pools = (1, 64, 128, 128, 128), ((2, 2), (3, 3), (4, 4), (4, 4))
        for i in range(4):
            setattr(self, f"layer{i + 1}", Conv(widths[i], widths[i + 1], pools[i]))
        self.layer5 = nn.GRU(128, 32, 2, batch_first=True)
        self.dense = nn.Linear(32, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        for i in range(4):
            x = getattr(self, f"layer{i + 1}")(x)
        steps, _ = self.layer5(x.squeeze(2).permute(0, 2, 1))
        return self.dense(steps[:, -1])


class Pons(nn.Module):
    """Filters for timbre and for time, three layers over time, two dense ones."""

    def __init__(self):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        self.layers = nn.ModuleList()
        for shape in ((67, 7), (38, 7)):
            self.layers.append(normed(nn.Conv2d(1, 204, shape, padding=(0, 3)), 204))
        for length in (129, 65, 33):
            conv = nn.Conv1d(1, 51, length, padding=length // 2)
            self.layers.append(normed(conv, 51))
        for i, n_in in enumerate((561, 64, 64), 1):
            setattr(self, f"layer{i}", normed(nn.Conv1d(n_in, 64, 7, padding=3), 64))
        self.dense1, self.bn = nn.Linear((561 + 192) * 2, 200), nn.BatchNorm1d(200)
        self.dense2 = nn.Linear(200, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        out = [rectified(layer, x).amax(dim=2) for layer in self.layers[:2]]
        out += [rectified(layer, x.mean(dim=2)) for layer in self.layers[2:]]
        layers = [torch.cat(out, dim=1)]
        for i in (1, 2, 3):
            new = rectified(getattr(self, f"layer{i}"), layers[-1])
            layers.append(new if i == 1 else new + layers[-1])
        every = torch.cat(layers, dim=1)
        x = torch.cat([every.amax(dim=2), every.mean(dim=2)], dim=1)
        return self.dense2(F.relu(self.bn(self.dense1(x))))


def normed(conv, n_out):
    norm = nn.BatchNorm2d(n_out) if isinstance(conv, nn.Conv2d) else nn.BatchNorm1d(n_out)
    return nn.ModuleDict({"conv": conv, "bn": norm})


def rectified(layer, x):
    return F.relu(layer["bn"](layer["conv"](x)))


class ShortChunk(nn.Module):
    """Seven residual layers."""

    def __init__(self, n=16):
        super().__init__()
        self.spec_bn = nn.BatchNorm2d(1)
        widths = (1, n, n, 2 * n, 2 * n, 2 * n, 2 * n, 4 * n)
        for i in range(7):
            layer = nn.Module()
            for k, n_in, stride in (
                (1, widths[i], 2),
                (2, widths[i + 1], 1),
                (3, widths[i], 2),
            ):
                conv = nn.Conv2d(n_in, widths[i + 1], 3, stride=stride, padding=1)
                setattr(layer, f"conv_{k}", conv)
                setattr(layer, f"bn_{k}", nn.BatchNorm2d(widths[i + 1]))
            setattr(self, f"layer{i + 1}", layer)
        self.dense1, self.bn = nn.Linear(4 * n, 4 * n), nn.BatchNorm1d(4 * n)
        self.dense2 = nn.Linear(4 * n, 50)

    def forward(self, features):
        x = self.spec_bn(features[:, None])
        for i in range(7):
            one = getattr(self, f"layer{i + 1}")
            y = one.bn_2(one.conv_2(F.relu(one.bn_1(one.conv_1(x)))))
            x = F.relu(one.bn_3(one.conv_3(x)) + y)
        x = x.squeeze(2).amax(dim=2)
        return self.dense2(F.relu(self.bn(self.dense1(x))))


class Harmonic(nn.Module):
    """Six harmonics as channels, two plain and five residual layers; filters half as wide."""

    def __init__(self, n=8):
        super().__init__()
        self.hstft, self.hstft_bn = nn.Module(), nn.BatchNorm2d(6)
        self.hstft.bw_Q = nn.Parameter(torch.tensor([2.0]))
        self.layer1, self.layer5 = Conv(6, n, 2), Conv(n, 2 * n, 2)
        for i in (2, 3, 4, 6, 7):
            width, one = n if i < 5 else 2 * n, nn.Module()
            one.conv_1 = nn.Conv2d(width, width, 3, padding=1)
            one.conv_2 = nn.Conv2d(width, width, 3, padding=1)
            one.bn_1, one.bn_2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
            setattr(self, f"layer{i}", one)
        self.dense1, self.bn = nn.Linear(2 * n, 2 * n), nn.BatchNorm1d(2 * n)
        self.dense2 = nn.Linear(2 * n, 50)

    def forward(self, features):
        x = self.hstft_bn(features.unflatten(1, (6, 128)))
        for i in range(1, 8):
            one = getattr(self, f"layer{i}")
            if i in (1, 5):
                x = one(x)
                continue
            y = one.bn_2(one.conv_2(F.relu(one.bn_1(one.conv_1(x)))))
            x = F.max_pool2d(F.relu(x + y), 2 if i < 5 else (2, 3))
        return self.dense2(F.relu(self.bn(self.dense1(x.flatten(1)))))


def shaken(net, seed=0):
    """Its weights, with normalisations that do something; kept alive on the way."""
    torch.manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0.1, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.3, 2)
        elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return net.eval()
