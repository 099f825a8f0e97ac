import numpy as np
import pytest
import torch

from pal import losses
from pal.builders import augmented, identity
from pal.encoders.networks import MLP
from pal.errors import InvalidInputError
from pal.training import Batch, Settings, SupportSet, fit, vector_views

FAST = Settings(epochs=3, batch_size=20, device="cpu", precision="32-true", save_every=2)


def mlp(seed=0):
    torch.manual_seed(seed)
    return MLP(8, hidden=(16,), n_features=6)


def stopping_at(n):
    """Views that stop the run at the n-th batch, as a kill would."""
    views, calls = vector_views(), [0]

    def stop(x):
        calls[0] += 1
        if calls[0] == n:
            raise KeyboardInterrupt
        return views(x)

    return stop


def batch_of(items, n_views=2):
    return Batch(np.array(items), n_views, torch.empty(0, 0), torch.empty(0, 0))


def embeddings(n, seed=0):
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).float()


def test_the_loss_is_that_of_loops_over_items_and_views():
    support = SupportSet(6, weight=0.3, temperature=0.5)
    first, z = embeddings(12), embeddings(8, seed=1)
    graph = augmented(identity(6), 2)
    support(first, graph, batch_of(range(10, 16)))
    items = [10, 20, 21, 22]  # the first of them is in the set, and passed over
    found = support(z, augmented(identity(4), 2), batch_of(items))
    q = torch.nn.functional.normalize(first[::2], dim=1).double()
    u = torch.nn.functional.normalize(z, dim=1).double().reshape(4, 2, 5)
    costs = []
    for i, item in enumerate(items):
        for view in range(2):
            near = max((j for j in range(6) if 10 + j != item), key=lambda j: float(q[j] @ u[i, view]))
            logits = torch.stack([q[near] @ u[k, 1 - view] / 0.5 for k in range(4)])
            costs.append(torch.logsumexp(logits, 0) - logits[i])
    plain = losses.simclr(z, augmented(identity(4), 2), temperature=0.5)
    expected = 0.7 * float(plain) + 0.3 * float(torch.stack(costs).mean())
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("options", [{"wait": 5}, {"size": 100}, {"weight": 0.0}])
def test_before_neighbours_count_it_is_simclr(options):
    support = SupportSet(**{"size": 4, **options})
    for seed in range(3):
        z, graph = embeddings(8, seed), augmented(identity(4), 2)
        assert torch.equal(support(z, graph, batch_of(range(4))), losses.simclr(z, graph, temperature=0.2))
        assert support.found.shape == (2, 0)


@pytest.mark.parametrize(("views", "expected"), [([0, 1, 2, 2], [[9], [2]]), ([0, 1, 2, 3], [[], []])])
def test_only_neighbours_that_all_views_choose(views, expected):
    """Views of item 8 and of item 9, each of which lies at a member of the set."""
    axes = torch.eye(5)
    support = SupportSet(4, agree=True)
    support(axes[:4].repeat_interleave(2, 0), augmented(identity(4), 2), batch_of(range(4)))
    z = axes[views].requires_grad_()
    support(z, augmented(identity(2), 2), batch_of([8, 9])).backward()
    np.testing.assert_array_equal(support.found, expected)
    assert torch.isfinite(z.grad).all()


def test_together_an_item_asks_by_the_mean_of_its_views():
    """The set holds means of views, and all views of an item get the neighbour of its mean."""
    support = SupportSet(4, weight=1.0, temperature=0.5, together=True)
    first, z = embeddings(8), embeddings(6, seed=1)
    support(first, augmented(identity(4), 2), batch_of(range(10, 14)))
    unit = torch.nn.functional.normalize

    def means(rows):
        return unit(unit(rows, dim=1).reshape(len(rows) // 2, 2, 5).mean(1), dim=1)

    q = means(first)
    torch.testing.assert_close(support.embeddings, q)
    near = [int((q @ mean).argmax()) for mean in means(z)]
    views = unit(z, dim=1).reshape(3, 2, 5)
    costs = [
        torch.logsumexp(logits := views[:, v] @ q[near[i]] / 0.5, 0) - logits[i] for i in range(3) for v in range(2)
    ]
    found = support(z, augmented(identity(3), 2), batch_of(range(3)))
    torch.testing.assert_close(found, torch.stack(costs).mean())
    np.testing.assert_array_equal(support.found, [range(3), [10 + j for j in near]])


def test_the_set_keeps_the_last_first_views():
    support = SupportSet(5)
    for start in (0, 3, 6):
        support(embeddings(6, start), augmented(identity(3), 2), batch_of(range(start, start + 3)))
    np.testing.assert_array_equal(support.items, [4, 5, 6, 7, 8])
    last = torch.nn.functional.normalize(embeddings(6, 6)[::2], dim=1)
    torch.testing.assert_close(support.embeddings[-3:], last)


@pytest.mark.parametrize("stop", [3, 6])
def test_a_run_that_was_stopped_goes_on_exactly(blobs, tmp_path, stop):
    x, _ = blobs
    whole, again = mlp(), mlp(seed=3)
    expected = fit(whole, x, identity(60), loss=SupportSet(20), views=vector_views(), settings=FAST)
    stopped = {"loss": SupportSet(20), "views": stopping_at(stop), "settings": FAST}
    with pytest.raises(KeyboardInterrupt):
        fit(mlp(), x, identity(60), folder=tmp_path, **stopped)
    found = fit(again, x, identity(60), loss=SupportSet(20), views=vector_views(), settings=FAST, folder=tmp_path)
    assert [r["loss"] for r in found.history] == [r["loss"] for r in expected.history]
    for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("options", [{"size": 0}, {"wait": -1}, {"weight": 1.5}, {"temperature": 0.0}])
def test_options_out_of_range(options):
    with pytest.raises(InvalidInputError, match="expected size ≥ 1"):
        SupportSet(**options)


def test_one_view_has_no_other(blobs):
    x, _ = blobs
    with pytest.raises(InvalidInputError, match="neighbours of a view need another view"):
        fit(mlp(), x, augmented(identity(30), 2), loss=SupportSet(8), settings=Settings(n_views=1, epochs=1))
