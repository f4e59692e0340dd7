import pytest
import torch
from torch.nn import functional as F

from tagger.errors import InputError
from tests.train import small
from train.config.config import from_tree
from train.models import BODIES
from train.models.attention import SelfAttention, sine_positions
from train.models.cnn_lstm_attention import StridedBlock
from train.models.network import TaggerNet


def net_of(features, body, **changes):
    torch.manual_seed(0)
    config = from_tree(small.tree(features, body, **changes))
    return TaggerNet(config.network(), n_labels=3)


@pytest.mark.parametrize("features", small.FEATURES)
@pytest.mark.parametrize("body", BODIES)
def test_any_front_end_goes_with_any_body(features, body):
    """A few steps lower the loss on their own batch, and every weight takes part."""
    net = net_of(features, body).train()
    waveform = 0.1 * torch.randn(4, net.options.features_options.window_len)
    targets = torch.tensor([0, 1, 2, 0])
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)

    def loss():
        torch.manual_seed(1)  # the same dropout each time
        labels, music = net.logits(net.front_end(waveform))
        return F.cross_entropy(labels, targets) + F.softplus(-music).mean()

    before = loss()
    for _ in range(5):
        optimiser.zero_grad()
        loss().backward()
        assert all(p.grad is not None for p in net.parameters())
        optimiser.step()
    assert torch.isfinite(before)
    assert float(loss().detach()) < float(before.detach())


@pytest.mark.parametrize("body", BODIES)
def test_a_window_does_not_depend_on_its_batch(body):
    """One by one is the same as all at once."""
    net = net_of("mel", body).eval()
    waveform = 0.1 * torch.randn(4, net.options.features_options.window_len)
    with torch.no_grad():
        together = net(waveform)
        alone = torch.cat([net(item[None]) for item in waveform])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("body", BODIES)
def test_default_sizes_take_twelve_rows_as_well_as_128(body):
    """Pooling stops where nothing is left to pool."""
    options, module = BODIES[body]
    for rows in (12, 128):
        net = module(options(), n_mels=rows).eval()
        assert net(torch.randn(2, rows, 64)).shape == (2, net.n_out)


def test_class_token_and_attention_pooling_both_work():
    """The token is one of its own, learned."""
    for pooling in ("attention", "class-token"):
        options = small.BODIES["cnn-transformer"] | {"pooling": pooling}
        net = net_of("mel", "cnn-transformer", body_options=options)
        net.from_features(torch.randn(3, 32, 16)).sum().backward()
        assert (net.body.token is not None) == (pooling == "class-token")
        if net.body.token is not None:
            assert net.body.token.grad.abs().sum() > 0


def test_self_attention_is_that_of_torch():
    """The spelled-out attention equals torch's fused one."""
    attention = SelfAttention(16, n_heads=4, dropout=0.0).eval()
    x = torch.randn(2, 7, 16)
    q, k, v = attention.into(x).unflatten(2, (3, 4, 4)).permute(2, 0, 3, 1, 4)
    expected = attention.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(x), expected)


def test_order_matters_only_through_positions():
    """Positions differ from step to step and are bounded."""
    positions = sine_positions(50, 15)
    assert positions.shape == (50, 15)
    assert positions.abs().max() <= 1
    assert (positions[1:] - positions[:-1]).abs().amax(dim=1).min() > 1e-3


@pytest.mark.parametrize(
    ("body", "options", "said"),
    [
        ("cnn", {"channels": [4], "pools": []}, "cnn: `channels`"),
        ("crnn", {"channels": [], "pools": []}, "crnn: `channels`"),
        ("cnn-deep", {"channels": [4]}, "at least two"),
        ("gru", {"n_layers": 0}, "n_layers"),
        ("cnn-transformer", {"width": 10, "n_heads": 4}, "multiple"),
        ("cnn-transformer", {"pooling": "mean"}, "class-token"),
    ],
)
def test_contradictory_sizes_are_refused(body, options, said):
    """The message names the body and the field."""
    with pytest.raises(InputError, match=said):
        from_tree({"body": body, "body_options": options})


@pytest.mark.parametrize("size", [(8, 10), (8, 11), (7, 10), (7, 11), (1, 1)])
def test_a_shortcut_that_is_heard_is_the_one_that_was_learned(size):
    """One convolution gives the mean and its product, at odd edges too."""
    torch.manual_seed(0)
    block = StridedBlock(3, 5)
    maps = torch.rand(2, 3, *size)
    learned = block.shortcut(F.avg_pool2d(maps, 2, ceil_mode=True))
    torch.testing.assert_close(block.eval()._shortened(maps), learned)
    assert block(maps).shape[2:] == tuple(-(-n // 2) for n in size)
