"""Contract suites: what every implementation of a protocol must do, for PAL's own and for yours.

Each ``check_…`` takes an implementation and raises AssertionError, naming the broken promise, or returns None.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.votes import pair_key

if TYPE_CHECKING:
    from torch import Tensor

    from pal.answers import Question
    from pal.labelers import Labeler
    from pal.oracles.state import Oracle, State
    from pal.store import Store


def check_loss(
    loss: "Callable[[Tensor, SimilarityGraph | Tensor], Tensor]",
    *,
    exchangeable: bool = True,
    n_rows: int = 12,
    n_components: int = 4,
    seed: int = 0,
) -> None:
    """Check a loss on a graph, ``loss(embeddings, graph)``; needs torch.

    It must be a finite scalar with a right gradient, the same for a factored and a dense graph and, if
    ``exchangeable``, for rows and graph reordered together; keep float64, compute half precision in float32, leave
    its input alone, bear rows without positives, and refuse an empty batch, a graph of another size and a graph that
    isn't symmetric with InvalidInputError.

    Parameters
    ----------
    loss
        The loss; bind its options with ``functools.partial``.
    exchangeable
        False for losses that read the order of rows (views apart).
    n_rows, n_components, seed
        Size of the embeddings drawn; ``n_rows`` even.

    Raises
    ------
    AssertionError
        Naming the first promise that doesn't hold.
    """
    import torch

    rng = np.random.default_rng(seed)
    z = torch.from_numpy(rng.normal(size=(n_rows, n_components)))
    pairs = np.kron(np.eye(n_rows // 2), np.ones((2, 1)))
    graph = SimilarityGraph(pairs, np.eye(n_rows // 2)).hollow()
    dense = torch.from_numpy(graph.to_dense())

    value, gradient = _value_and_gradient(loss, z, graph)
    assert value.ndim == 0, f"a loss is a scalar, got shape {tuple(value.shape)}"
    assert value.dtype == z.dtype, f"a float64 batch gives a float64 loss, got {value.dtype}"
    assert bool(torch.isfinite(value)), f"a loss is finite, got {float(value)}"
    _assert_close(_value_and_gradient(loss, z, dense), (value, gradient), "factored and dense graph agree")
    assert torch.autograd.gradcheck(lambda x: loss(x, graph), (z.clone().requires_grad_(),), raise_exception=False), (
        "the gradient is that of the value"
    )
    if exchangeable:
        order = rng.permutation(n_rows)
        moved, moved_gradient = _value_and_gradient(loss, z[order], graph.take(order))
        _assert_close((moved, moved_gradient), (value, gradient[order]), "rows are exchangeable")
    for dtype in (torch.float16, torch.bfloat16):
        half, half_gradient = _value_and_gradient(loss, z.to(dtype), graph)
        assert half.dtype == torch.float32, f"{dtype} is computed in float32, got {half.dtype}"
        assert half_gradient.dtype == dtype, f"the gradient has the embeddings' dtype {dtype}"
        assert bool(torch.isfinite(half_gradient).all()), f"the gradient of {dtype} is finite"
    alone = _value_and_gradient(loss, z, SimilarityGraph(np.zeros((n_rows, 1)), np.eye(1)))
    assert all(bool(torch.isfinite(part).all()) for part in alone), "rows without positives give finite results"
    _assert_refusals(loss, z, graph, dense)


def _value_and_gradient(
    loss: "Callable[[Tensor, SimilarityGraph | Tensor], Tensor]", z: "Tensor", graph: "SimilarityGraph | Tensor"
) -> "tuple[Tensor, Tensor]":
    import torch

    before = z.clone()
    leaf = z.clone().requires_grad_()
    value = loss(leaf, graph)
    (gradient,) = torch.autograd.grad(value, leaf)
    assert torch.equal(leaf.detach(), before), "embeddings are left as they came"
    return value.detach(), gradient


def _assert_close(got: "tuple[Tensor, Tensor]", expected: "tuple[Tensor, Tensor]", promise: str) -> None:
    import torch

    for name, a, b in zip(("value", "gradient"), got, expected, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-9), f"{promise}: {name} off by {float((a - b).abs().max()):.3g}"


def _assert_refusals(
    loss: "Callable[[Tensor, SimilarityGraph | Tensor], Tensor]",
    z: "Tensor",
    graph: SimilarityGraph,
    dense: "Tensor",
) -> None:
    import torch

    lopsided = dense + torch.triu(torch.ones_like(dense))
    for what, rows, given in (
        ("an empty batch", z[:0], dense[:0, :0]),
        ("a graph of another size", z[:-2], graph),
        ("a graph that isn't symmetric", z, lopsided),
    ):
        try:
            loss(rows, given)
        except InvalidInputError:
            continue
        raise AssertionError(f"{what} is refused with InvalidInputError")


def check_oracle(oracle: "Oracle", *, finishes: bool = True, corroborates: bool = False, seed: int = 0) -> None:
    """Check an oracle over whole runs on three small blobs, with right answers, wrong ones and refusals.

    Each page must name items that exist and are not held, hold at most a page of tiles, and ask nothing that is
    already deduced; the same state and generator must give the same pages; the state must be left
    as it was; and, with right answers and if ``finishes``, the run must end with every relation known.

    Parameters
    ----------
    oracle
        The oracle.
    finishes
        False for oracles that stop before everything is known.
    corroborates
        True for oracles that ask about deduced relations again when they doubt them; pairs with a vote stay unasked.
    seed
        Seed of data and run.

    Raises
    ------
    AssertionError
        Naming the first promise that doesn't hold.
    """
    from pal.labelers import SimulatedLabeler
    from pal.loop import Loop, run

    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), 5)
    x = 6.0 * np.eye(3)[labels] + rng.standard_normal((15, 3))

    def watched(state: "State") -> "list[Question]":
        questions = _asked_again(oracle, state)
        _assert_pages(state, questions, corroborates)
        held = replace(state, held=np.arange(15) % 3 == 0)
        _assert_pages(held, _asked_again(oracle, held), corroborates)
        return questions

    loop = Loop(x, watched, page_size=5, seed=seed)
    for _ in run(loop, SimulatedLabeler(labels), n_pages=15 * 14 // 2):
        pass
    assert loop.ask() is None or not finishes, "an oracle returns no page when every relation is known"
    if finishes:
        known = np.array([loop.knowledge.relation(i) for i in range(15)])
        truth = np.where(labels[:, None] == labels, 1, -1)
        assert (known == truth).all(), "right answers end with every relation known"
    for labeler in (SimulatedLabeler(labels, error=0.2, seed=seed), SimulatedLabeler(labels, refusal=1.0)):
        loop = Loop(x, watched, page_size=5, seed=seed)
        for _ in run(loop, labeler, n_pages=20):
            pass


def _asked_again(oracle: "Oracle", state: "State") -> "list[Question]":
    """Questions of an oracle, asked twice of one state: the same both times, and the state as before."""
    before = state.knowledge.group.copy(), state.held.copy()
    first, second = (list(oracle(replace(state, rng=deepcopy(state.rng)))) for _ in range(2))
    same = [(a.template, a.items.tolist(), a.mode) for a in first] == [
        (b.template, b.items.tolist(), b.mode) for b in second
    ]
    assert same, "the same state and generator give the same pages"
    assert (state.knowledge.group == before[0]).all(), "an oracle leaves the state as it was"
    assert (state.held == before[1]).all(), "an oracle leaves the held items as they were"
    return list(oracle(state))


def _assert_pages(state: "State", questions: "list[Question]", corroborates: bool) -> None:
    asked = [(min(q.template, i), max(q.template, i)) for q in questions for i in q.items.tolist()]
    assert len(set(asked)) == len(asked), "a pair stands on one page only"
    for question in questions:
        shown = [question.template, *question.items.tolist()]
        assert 1 <= len(question.items) <= state.page_size, f"1..{state.page_size} tiles, got {len(question.items)}"
        assert all(0 <= item < state.n_items for item in shown), f"items in 0..{state.n_items - 1}, got {shown}"
        assert not state.held[shown].any(), f"held items are not shown, got {shown}"
        votes = state.knowledge.votes.look_up(
            pair_key(state.n_items, np.full(len(question.items), question.template), question.items)
        )
        assert not (votes.alike + votes.unlike).any(), "a pair that somebody judged is not asked again"
        relation = state.knowledge.relation(question.template, question.items)
        assert corroborates or not relation.any(), "what is deduced is not asked"


def check_labeler(labeler: "Labeler", *, n_items: int, pairwise: bool = True) -> None:
    """Check a labeler on random pages over ``n_items`` items.

    It must give each tile +1, −1 or 0 as int8, answer a page the same way each time, and bind answers to items, not to
    places on the page; if ``pairwise``, it must also mean the same in both modes and whichever item is the template.

    Parameters
    ----------
    labeler
        The labeler.
    n_items
        Number of items it knows.
    pairwise
        False for labelers that look at the whole page: people who miss rare targets, crowds, nearest neighbours.

    Raises
    ------
    AssertionError
        Naming the first promise that doesn't hold.
    """
    from pal.answers import Question

    rng = np.random.default_rng(0)
    for _ in range(20):
        template, *items = rng.choice(n_items, min(6, n_items), replace=False).tolist()
        page = Question(template, np.array(items))
        relation = labeler(page)
        assert relation.dtype == np.int8, f"relations are int8, got {relation.dtype}"
        assert relation.shape == (len(items),), f"one relation a tile, got shape {relation.shape}"
        assert set(relation.tolist()) <= {-1, 0, 1}, f"relations are -1, 0 or +1, got {relation.tolist()}"
        assert (labeler(page) == relation).all(), "a page is answered the same way each time"
        backwards = labeler(Question(template, np.array(items[::-1])))
        assert (backwards[::-1] == relation).all(), "an answer doesn't depend on the place on the page"
        if not pairwise:
            continue
        other = labeler(Question(template, np.array(items), mode="different"))
        assert (other == relation).all(), "an answer means the same in both modes"
        for item, expected in zip(items, relation.tolist(), strict=True):
            (turned,) = labeler(Question(item, np.array([template])))
            assert turned == expected, "an answer doesn't depend on which item is the template"


def check_store(open_store: "Callable[[], Store]", *, reopens: bool = False) -> None:
    """Check a log (:class:`pal.store.Store`).

    Appending must be idempotent by id, all or nothing and in order; positions grow from 1 and stay; reading after a
    position gives what came later; events come back equal; notes are kept; threads may write at once.

    Parameters
    ----------
    open_store
        Opens an empty store, another one at each call; with ``reopens``, the same one again, with what was written.
    reopens
        Whether ``open_store`` opens the same store each time.

    Raises
    ------
    AssertionError
        Naming the first promise that doesn't hold.
    """
    import threading

    from pal.store import Answered, Event, Flagged, Named, Placed, Retracted

    a, b, c = (f"{i:064x}" for i in range(3))
    page = Answered(labeler="ann", page="p", template=a, items=(b, c), relations=(1, -1), toggles=((b, 0.5),))
    rest: list[Event] = [
        Named(labeler="bob", item=a, name="Käse 猫"),
        Placed(labeler="bob", item=a, parent="food"),
        Flagged(labeler="ann", item=c, reason="broken"),
        Retracted(labeler="ann", event=page.id),
    ]
    store = open_store()
    assert store.read_after(0) == [], "a new store is empty"
    assert store.append([]) == [], "nothing is written for no events"
    (first,) = store.append([page])
    assert first >= 1, "positions start at 1"
    assert store.append([page]) == [first], "an event sent again keeps its position"
    positions = store.append([page, *rest, rest[0]])
    assert positions[0] == first, "an event sent again with others keeps its position"
    assert positions[-1] == positions[1], "an event twice in one batch is written once"
    assert first < positions[1] < positions[2] < positions[3] < positions[4], "positions grow"
    log = store.read_after(0)
    assert [event for _, event in log] == [page, *rest], "events come back equal, once, in order"
    assert [position for position, _ in log] == [first, *positions[1:5]], "with the positions they were given"
    assert store.read_after(positions[2]) == log[3:], "reading after a position gives what came later"
    assert store.get_meta("note") is None, "a note that wasn't written is None"
    store.set_meta("note", "one")
    store.set_meta("note", "two")
    assert store.get_meta("note") == "two", "the last note written is kept"
    try:
        store.append([Named(labeler="ann", item=a, name="whole"), object()])  # type: ignore[list-item]
    except (AttributeError, TypeError):
        pass
    else:
        raise AssertionError("what is no event is refused")
    assert store.read_after(0) == log, "a batch is written whole or not at all"
    if reopens:
        store.close()
        store = open_store()
        assert store.read_after(0) == log, "what was written is there when opened again"
        assert store.get_meta("note") == "two", "notes too"
        assert store.append([page]) == [first], "and its positions"

    def write(who: int) -> None:
        for i in range(10):
            store.append([Named(labeler=f"person {who}", item=a, name=str(i))])

    threads = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    added = [event for _, event in store.read_after(log[-1][0])]
    for who in range(3):
        names = [e.name for e in added if isinstance(e, Named) and e.labeler == f"person {who}"]
        assert names == [str(i) for i in range(10)], "threads write at once, each in its order"
    store.close()
