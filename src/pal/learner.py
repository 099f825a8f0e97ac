"""The learner: from knowledge to an embedding and beliefs, refitted as answers arrive.

What depends on the features alone (kernel features, their factorisation, the neighbour graph) is computed once, by
:func:`prepare`; a page of answers then costs one small eigenproblem and a few propagations (:func:`learn`).

Of very many items the graph has representatives (:mod:`pal.representatives`): the model is one of these and of the
items asked about, its *core*, and what it says of all is worked out when somebody looks.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array, eye_array

from pal.beliefs import Beliefs
from pal.builders import from_beliefs
from pal.errors import InvalidInputError
from pal.knowledge import Knowledge
from pal.representatives import read_out, representatives
from pal.votes import pair_key

if TYPE_CHECKING:
    from pal.communities import Neighborhood
    from pal.embedding import GraphEmbedding

# Rows embedded at a time.
_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a learner keeps of features ``x``, each part worked out when it is first looked at.

    Parameters
    ----------
    x
        Features, (n, d), finite.
    n_components, n_landmarks, seed
        See :func:`prepare`.
    """

    x: Float[ndarray, "n d"]
    n_components: int = 16
    n_landmarks: int = 512
    seed: int = 0

    @cached_property
    def rows(self) -> Int64[ndarray, " r"]:
        """Items that are in the graph, sorted: all, or representatives."""
        return representatives(len(self.x), seed=self.seed)

    @cached_property
    def near(self) -> "Neighborhood":
        """The neighbour graph of these, and what beliefs need of it."""
        from pal.communities import neighborhood

        return neighborhood(self._represented, seed=self.seed)

    @cached_property
    def carried(self) -> csr_array:
        """A, (n, r): how every item lies between those in the graph."""
        return read_out(self.x, self.rows)

    @cached_property
    def embedder(self) -> "GraphEmbedding":
        """A :class:`pal.embedding.GraphEmbedding` of the items in the graph; embeddings and classifiers need it."""
        from pal.embedding import GraphEmbedding

        made = GraphEmbedding(1, n_landmarks=self.n_landmarks, random_state=self.seed)  # a rank of 1 is enough
        made.fit(self._represented)
        made.n_components = min(self.n_components, made.rank_)
        return made

    def embed(self, probability: Float[ndarray, "r c"], /) -> Float[ndarray, "n k"]:
        """Z for the believed graph (:func:`pal.builders.from_beliefs`), (n, n_components).

        ``probability`` are beliefs about the items in the graph. What is only known leaves most pairs at zero, and an
        embedding of that parts fewer classes the more is known of few items.
        """
        p = probability.astype(np.float64) if probability.shape[1] else np.ones((len(probability), 1))
        # A copy shares the factorisation, and leaves the prepared one to others.
        made = copy.copy(self.embedder).update(from_beliefs(p / p.sum(axis=1, keepdims=True)))
        if len(self.rows) == len(self.x):
            return made.embedding_
        embedding = np.empty((len(self.x), self.embedder.n_components), dtype=np.float32)
        for start in range(0, len(self.x), _ROWS):
            embedding[start : start + _ROWS] = made.transform(self.x[start : start + _ROWS])
        return embedding

    @property
    def _represented(self) -> Float[ndarray, "r d"]:
        return (self.x if len(self.rows) == len(self.x) else self.x[self.rows]).astype(np.float64, copy=False)


@dataclass(frozen=True, eq=False)
class Model:
    """What is learned from one state of knowledge.

    Parameters
    ----------
    embed
        Z, (n, k), or a function that works it out; that costs as much as the beliefs, and not every oracle looks.
    believe
        Posterior over classes, or a function that works it out.
    near
        Normalised neighbour graph S, (n, n) sparse, or a function that works it out.
    core
        The model of some items that this one was read out of, or None.
    """

    embed: Float[ndarray, "n k"] | Callable[[], Float[ndarray, "n k"]]
    believe: Beliefs | Callable[[], Beliefs]
    near: csr_array | Callable[[], csr_array]
    core: "Core | None" = None

    @cached_property
    def embedding(self) -> Float[ndarray, "n k"]:
        """Z, (n, k); worked out when first looked at."""
        return self.embed() if callable(self.embed) else self.embed

    @cached_property
    def beliefs(self) -> Beliefs:
        """Posterior over classes."""
        return self.believe() if callable(self.believe) else self.believe

    @cached_property
    def affinity(self) -> csr_array:
        """S, (n, n) sparse."""
        return self.near() if callable(self.near) else self.near


@dataclass(frozen=True, eq=False)
class Core:
    """A model of some of n items, from which one of all is read out.

    Parameters
    ----------
    rows
        (r,) those items.
    model
        The model of them, in that order.
    carried
        (n, m), m ≤ r: how every item lies between the first m of them. Rows sum to 1, or to 0 where nothing is known.
    """

    rows: Int64[ndarray, " r"]
    model: Model
    carried: csr_array

    def of_all(self, embed: Callable[[], Float[ndarray, "n k"]], /) -> Model:
        """The model of all items; an item of which nothing is known may be of any class."""
        return Model(embed, self._beliefs, self._affinity, self)

    def _beliefs(self) -> Beliefs:
        n, old = self.carried.shape[0], self.model.beliefs
        p = old.probability.astype(np.float32)
        probability = np.asarray(self.carried @ p[: self.carried.shape[1]])
        probability[np.diff(self.carried.indptr) == 0] = 1.0 / max(p.shape[1], 1)
        probability[self.rows] = p
        doubted = old.doubted
        if doubted is not None:
            doubted = np.sort(pair_key(n, *self.rows[np.stack(np.divmod(doubted, len(self.rows)))]))
        return replace(
            old,
            probability=probability,
            anchor=self.rows[old.anchor],
            source=self._placed(old.source),
            reach=None if old.reach is None else self._placed(old.reach, rest=old.reach.min()),
            surprise=None if old.surprise is None else self._placed(old.surprise),
            unseen=None if old.unseen is None else self._placed(old.unseen),
            doubted=doubted,
        )

    def _affinity(self) -> csr_array:
        n, near = self.carried.shape[0], self.model.affinity.tocoo()
        return csr_array((near.data, (self.rows[near.row], self.rows[near.col])), shape=(n, n))

    def _placed(self, column: ndarray, *, rest: float = 0.0) -> ndarray:
        """A column over the core as one over all, ``rest`` elsewhere."""
        out = np.full(self.carried.shape[0], rest, dtype=column.dtype)
        out[self.rows] = column
        return out


def prepare(x: Float[ndarray, "n d"], /, *, n_components: int = 16, n_landmarks: int = 512, seed: int = 0) -> Prepared:
    """Prepare features for learning: the cost of the neighbours now, O(n · n_landmarks²) with the first embedding.

    The graph is of all items up to 20,000, and of 10,000 representatives of more.

    Raises
    ------
    InvalidInputError
        If there are fewer than 2 items, or an entry isn't finite.
    """
    prepared = Prepared(checked(x), n_components, n_landmarks, seed)
    _ = prepared.near  # now, for that is what preparing is for
    if len(prepared.rows) < len(x):
        _ = prepared.carried
    return prepared


def checked(x: Float[ndarray, "n d"], /) -> Float[ndarray, "n d"]:
    """Features that can be learned from.

    Raises
    ------
    InvalidInputError
        If there are fewer than 2 items, or an entry isn't finite.
    """
    x = np.asarray(x)
    if x.ndim != 2 or len(x) < 2:
        raise InvalidInputError(f"expected features of at least 2 items, (n, d), got shape {x.shape}; add items")
    if not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=1).sum())
        raise InvalidInputError(f"features must be finite, got NaN or infinity in {bad} row(s); remove those items")
    return x


def learn(prepared: Prepared, knowledge: Knowledge, /) -> Model:
    """Refit to a state of knowledge; O(nnz · C) for the graph of all items or of representatives, and C classes."""
    from pal.posterior import believe  # here: a server whose models a child makes has no use for it

    if len(prepared.rows) == len(prepared.x):
        all_beliefs = believe(prepared.near, knowledge)
        return Model(lambda: prepared.embed(all_beliefs.probability), all_beliefs, prepared.near.affinity)
    # The core: representatives, and the other items that answers are about.
    asked = knowledge.asked.copy()
    asked[list(knowledge.classes)] = True
    asked[prepared.rows] = False
    others = np.flatnonzero(asked)
    rows, near = prepared.rows, prepared.near
    if len(others):
        near = near.extended(prepared.carried[others], len(rows) + others)
        rows = np.append(rows, others)
    beliefs = believe(near, knowledge.among(rows))
    embed = cache(lambda: prepared.embed(beliefs.probability[: len(prepared.rows)]))
    model = Model(lambda: embed()[rows], beliefs, near.affinity)
    return Core(rows, model, prepared.carried).of_all(embed)


def placed(model: Model, rows: Int64[ndarray, " r"], n_items: int, /) -> Model:
    """A model of some rows as one of all items: the others lie at the origin and are of any class."""
    if len(rows) == n_items:
        return model
    inner = model.core
    carried = eye_array(len(rows), format="csr", dtype=np.float32) if inner is None else inner.carried
    lengths = np.zeros(n_items, dtype=np.int64)
    lengths[rows] = np.diff(carried.indptr)
    carried = csr_array(
        (carried.data, carried.indices, np.append(0, lengths.cumsum())), shape=(n_items, carried.shape[1])
    )

    def embed() -> Float[ndarray, "n k"]:
        embedding = np.zeros((n_items, model.embedding.shape[1]), dtype=model.embedding.dtype)
        embedding[rows] = model.embedding
        return embedding

    if inner is None:
        return Core(rows, model, carried).of_all(embed)
    return Core(rows[inner.rows], inner.model, carried).of_all(embed)
