import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pal.builders import augmented, from_beliefs, from_labels, from_multilabel, identity
from pal.encoders.networks import MLP
from pal.errors import InvalidInputError, MissingExtraError
from pal.graph import SimilarityGraph
from pal.labelers import SimulatedLabeler
from pal.oracles import get_oracle
from pal.training import (
    CHANGES,
    Batch,
    Settings,
    agreement,
    embed,
    fit,
    log,
    neighbors_of_all,
    one_change,
    rounds,
    simclr_views,
    unchanged,
    vector_views,
    vicreg_views,
    with_neighbors,
    word_numbers,
    word_views,
)
from pal.training.batches import epoch, has_positive_pair
from pal.training.blends import nearest, over_views
from pal.training.items import as_tensor, batch_of
from pal.training.settings import adamw, warm_cosine

# --- batches ------------------------------------------------------------------------------------------------


def graphs(rng, n):
    labels = rng.integers(-1, 4, n)
    soft = rng.dirichlet(np.ones(3) * 0.3, n)
    hot = rng.integers(0, 2, (n, 4))
    return [
        from_labels(labels),
        from_labels(labels, contrastive=True),
        from_beliefs(soft),
        from_multilabel(hot),
        identity(n),
    ]


@given(st.integers(2, 60), st.integers(2, 70), st.integers(0, 3), st.integers(0, 1000))
def test_an_epoch_is_a_partition(n, size, mates, seed):
    for graph in graphs(np.random.default_rng(seed), n):
        batches = epoch(graph, batch_size=size, mates=mates, rng=np.random.default_rng(seed))
        assert {len(b) for b in batches} == {min(size, n)}
        seen = np.concatenate(batches)
        assert len(np.unique(seen)) == len(seen)
        assert n - len(seen) < min(size, n)


def pairs_a_batch(labels, mates):
    batches = epoch(from_labels(labels), batch_size=20, mates=mates, rng=np.random.default_rng(0))
    return [len(from_labels(labels).hollow().pairs(b).rows) // 2 for b in batches]


def test_mates_bring_the_pairs_of_a_sparse_graph_into_every_batch():
    labels = np.full(1000, -1)
    labels[np.random.default_rng(5).permutation(1000)[:400]] = np.arange(400) // 2
    with_mates, without = pairs_a_batch(labels, 1), pairs_a_batch(labels, 0)
    assert min(with_mates) >= 2
    assert sum(with_mates) > 170 > 20 * sum(without)


def test_has_positive_pair_agrees_with_the_dense_graph():
    rng = np.random.default_rng(0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for graph in [*graphs(rng, 6), from_labels(np.full(6, -1)), -from_labels(np.zeros(6, dtype=int))]:
            dense = graph.to_dense()
            np.fill_diagonal(dense, 0)
            # A pair joined through a third counts too: then there is a positive pair as well.
            assert has_positive_pair(graph) == bool((dense > 1e-12).any())


# --- sources ------------------------------------------------------------------------------------------------


def test_views_stand_for_their_items():
    graph = from_labels(np.array([0, 1, 0, 2]))
    items = np.array([2, 0, 3])
    found = over_views(graph, Batch(items, 2, torch.zeros(6, 1), torch.zeros(6, 1))).to_dense()
    np.testing.assert_array_equal(found, np.kron(graph.to_dense()[np.ix_(items, items)], np.ones((2, 2))))


@given(st.integers(3, 12), st.integers(1, 4), st.booleans(), st.integers(0, 100))
def test_neighbours_are_those_of_a_loop(n, k, mutual, seed):
    x = np.random.default_rng(seed).standard_normal((n, 4))
    c = x - x.mean(0)
    c /= np.linalg.norm(c, axis=1, keepdims=True)
    one_way = np.zeros((n, n))
    for i in range(n):
        others = sorted((j for j in range(n) if j != i), key=lambda j: -float(c[i] @ c[j]))
        one_way[i, others[:k]] = 1
    expected = one_way * one_way.T if mutual else np.maximum(one_way, one_way.T)
    np.testing.assert_array_equal(nearest(x, k, mutual=mutual).toarray(), expected)


def test_neighbours_join_in_all_views():
    features = torch.tensor([[0.0, 1], [0, 1.1], [0, 1.2], [0.01, 1], [5, -1], [5, -1]])
    batch = Batch(np.array([7, 1, 4]), 2, features, features)
    found = with_neighbors(identity(9), weight=0.5, mutual=True)(batch).to_dense()
    pair = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])
    item = found[::2, ::2]
    np.testing.assert_array_equal(found, np.kron(item, np.ones((2, 2))))
    assert item[0, 1] == pair[0, 1]
    with pytest.raises(InvalidInputError, match="expected n_neighbors"):
        with_neighbors(identity(9), n_neighbors=0)


@pytest.mark.parametrize("block", [1, 3, 100])
def test_neighbours_are_the_same_in_any_blocks(monkeypatch, block):
    x = np.random.default_rng(0).standard_normal((10, 3))
    expected = nearest(x, 2, mutual=True).toarray()
    monkeypatch.setattr("pal.training.blends._BLOCK", block)
    np.testing.assert_array_equal(nearest(x, 2, mutual=True).toarray(), expected)


def test_neighbours_of_all_wait_for_the_warm_up():
    x = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)
    source = neighbors_of_all(identity(12), n_neighbors=2, weight=0.25, mutual=False, warm_up=0.5)
    np.testing.assert_array_equal(source.renew(x, 0.49).to_dense(), np.eye(12))
    np.testing.assert_array_equal(source.renew(x, 0.5).to_dense(), np.eye(12) + 0.25 * nearest(x, 2).toarray())
    with pytest.raises(InvalidInputError, match=r"expected n_neighbors .* got 2, 1.0 and 1.5"):
        neighbors_of_all(identity(9), n_neighbors=2, weight=1.0, warm_up=1.5)


# --- views --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("recipe", [simclr_views, vicreg_views])
def test_recipes_keep_shape_and_range_and_change_by_strength(recipe, channels):
    torch.manual_seed(0)
    x = torch.rand(16, channels, 12, 12)
    change = []
    for strength in (0.0, 0.3, 1.0):
        view = recipe((12, 12), strength=strength)(x)
        assert view.shape == x.shape
        assert view.min() >= 0
        assert view.max() <= 1
        change.append(float((view - x).abs().mean()))
    assert change[0] < 1e-6
    assert change[0] < change[1] < change[2]


@pytest.mark.parametrize("name", CHANGES)
def test_single_changes(name):
    torch.manual_seed(0)
    x = torch.rand(32, 3, 12, 12)
    view = one_change(name, (12, 12))(x)
    assert view.shape == x.shape
    assert torch.isfinite(view).all()
    assert not torch.equal(view, x)


def test_views_of_vectors_and_words():
    torch.manual_seed(0)
    x = torch.randn(500, 20)
    assert torch.equal(vector_views(strength=0.0)(x), x)
    assert float((vector_views()(x) == 0).float().mean()) == pytest.approx(0.1, abs=0.02)
    words = torch.from_numpy(word_numbers(["a b c d e f g h i j"] * 400 + ["one", ""], length=12))
    kept = word_views()(words)
    share = float((kept[:400] != 0).float().mean() * 12 / 10)
    assert share == pytest.approx(0.8, abs=0.05)
    assert torch.equal(kept[400:], words[400:])  # a text's only word stays
    assert ((kept == words) | (kept == 0)).all()


def test_what_views_refuse():
    for make in (vector_views, word_views, lambda strength: simclr_views((8, 8), strength=strength)):
        with pytest.raises(InvalidInputError, match="strength must be at least 0"):
            make(strength=-1.0)
    with pytest.raises(InvalidInputError, match="expected one of crop"):
        one_change("nonsense", (8, 8))
    with pytest.raises(InvalidInputError, match="for pictures"):
        simclr_views((8, 8))(torch.zeros(3, 4))


def test_kornia_missing_is_one_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "kornia", None)
    with pytest.raises(MissingExtraError, match=r"pal-learn\[train\]"):
        simclr_views((8, 8))


# --- items, words, settings, log ----------------------------------------------------------------------------


def test_items_as_tensors():
    rng = np.random.default_rng(0)
    bytes_ = rng.integers(0, 256, (5, 6, 7, 3), dtype=np.uint8)
    batch = batch_of(as_tensor(bytes_), np.array([3, 1]))
    np.testing.assert_allclose(batch.numpy(), bytes_[[3, 1]].transpose(0, 3, 1, 2) / 255.0, atol=1e-7)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert as_tensor(bytes_[..., 0]).shape == (5, 1, 6, 7)
    assert as_tensor(np.ones((2, 3))).dtype == torch.float32
    for bad in (np.zeros((2, 3, 4)), np.zeros((2, 4, 4, 2), np.uint8), np.zeros((0, 3)), np.array([[np.nan]])):
        with pytest.raises(InvalidInputError):
            as_tensor(bad)


def test_words_have_the_same_number_everywhere():
    numbers = word_numbers(["Die Katze, die Katze!", "cat"], n_words=1000, length=3)
    assert numbers[0, 1] == word_numbers(["katze"], n_words=1000)[0, 0]
    assert numbers[0, 0] == numbers[0, 2]
    assert numbers[1, 1:].tolist() == [0, 0]
    assert numbers.max() <= 1000
    assert word_numbers(["cat"])[0, 0] == 17321


@pytest.mark.parametrize("n_steps", [1, 2, 3, 10, 100])
def test_the_learning_rate_rises_and_falls(n_steps):
    settings = Settings(learning_rate=0.5, warm_up=0.2)
    optimizer = adamw([torch.zeros(1, requires_grad=True)], settings)
    schedule, rates = warm_cosine(optimizer, n_steps, settings), []
    for _ in range(n_steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    top = int(np.argmax(rates))
    assert 0 < max(rates) <= 0.5
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert n_steps < 10 or (rates[top] > 0.45 and rates[-1] < 0.1 * rates[top])


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("batch_size", 1), ("learning_rate", 0.0), ("clip", -1.0), ("warm_up", 1.0), ("precision", "int8")],
)
def test_settings_out_of_range(name, value):
    with pytest.raises(InvalidInputError, match=name):
        Settings(**{name: value})


def test_the_log_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(InvalidInputError, match="can't read the log"):
        log.plot(tmp_path)
    log.write(tmp_path, [{"epoch": 1, "loss": 2.0, "probe": 0.5}])
    log.append(tmp_path, {"epoch": 2, "loss": 1.0, "probe": 0.6})
    assert [r["loss"] for r in log.read(tmp_path)] == [2.0, 1.0]
    assert log.plot(tmp_path).read_bytes().startswith(b"\x89PNG")


# --- agreement and rounds -----------------------------------------------------------------------------------


def test_agreement_of_no_change_and_of_one_that_breaks_everything(blobs):
    x, labels = blobs
    x = x + 20.0 * np.eye(3, 8, dtype=np.float32)[labels]
    assert agreement(None, x, labels, unchanged) == 1.0
    broken = agreement(None, x, labels, lambda view: view[torch.randperm(len(view))])
    assert broken < 0.6
    assert agreement(None, x, np.where(np.arange(60) < 30, labels, -1), unchanged) == 1.0
    with pytest.raises(InvalidInputError, match="expected more than 5 items"):
        agreement(None, x, np.full(60, -1), unchanged)


def test_rounds_extend_the_graph_and_go_on(blobs):
    x, labels = blobs
    torch.manual_seed(0)
    encoder = MLP(8, hidden=(16,), n_features=6)
    settings = Settings(epochs=2, batch_size=20, device="cpu", precision="32-true")
    sizes = {"n_rounds": 2, "n_pages": 2, "page_size": 5}
    found = list(rounds(encoder, x, get_oracle("captcha"), SimulatedLabeler(labels), settings=settings, **sizes))
    assert [r.n_answers for r in found] == sorted(r.n_answers for r in found)
    assert found[1].n_answers > found[0].n_answers
    assert found[1].trained.head is found[0].trained.head
    assert not np.allclose(found[0].features, found[1].features)
    group, known = found[1].knowledge.group, found[0].knowledge.group
    assert (labels[:, None] == labels)[group[:, None] == group].all()
    assert ((known[:, None] == known) <= (group[:, None] == group)).all()  # nothing is forgotten
    assert embed(encoder, x).shape == (60, 6)


def test_rounds_train_on_what_is_believed(blobs, monkeypatch):
    """The graph is the views' and the expected relation under the beliefs of the round, half each."""
    x, labels = blobs
    given = []

    def kept(encoder, items, graph, **options):
        given.append(graph.to_dense())
        return fit(encoder, items, graph, **options)

    monkeypatch.setattr("pal.training.active.fit", kept)
    sizes = {"n_rounds": 2, "n_pages": 2, "page_size": 5, "settings": Settings(epochs=1, batch_size=20, device="cpu")}
    oracle, labeler = get_oracle("captcha"), SimulatedLabeler(labels)
    found = list(rounds(MLP(8, hidden=(16,), n_features=6), x, oracle, labeler, graph="believed", **sizes))
    for graph, left in zip(given, found, strict=True):
        p = left.model.beliefs.probability
        np.testing.assert_allclose(graph, (np.eye(60) + p @ p.T) / 2, atol=1e-6)
    with pytest.raises(InvalidInputError, match=r"unknown graph 'soft'; choose one of hard, believed"):
        next(rounds(MLP(8), x, oracle, labeler, graph="soft", **sizes))


@pytest.mark.parametrize("graph", ["hard", "believed"])
def test_rounds_go_on_where_nobody_can_tell(blobs, graph):
    x, _ = blobs
    sizes = {"n_rounds": 1, "n_pages": 2, "page_size": 5, "settings": Settings(epochs=1, batch_size=20, device="cpu")}

    def unsure(question):
        return np.zeros(len(question.items), dtype=np.int8)

    (left,) = rounds(MLP(8, hidden=(16,), n_features=6), x, get_oracle("random"), unsure, graph=graph, **sizes)
    assert np.isfinite(left.trained.history[-1]["loss"])


def test_augmented_identity_is_the_views_graph():
    assert isinstance(augmented(identity(3), 2), SimilarityGraph)
    assert has_positive_pair(augmented(identity(3), 2))
    assert not has_positive_pair(identity(3))
