"""Expected change: the question whose answer would move the embedding f most (paper, section 4.3).

An answer g about items i and t adds E = (g − ĝ)(e_i e_tᵀ + e_t e_iᵀ) to the graph that Z Zᵀ fits, where ĝ = z_iᵀ z_t
is what the embedding says already. To first order the fit moves within the range of Z by P E P, P = U Uᵀ the projector
on that range, so by |g − ĝ| √(2 (h_i h_t + h_it²)) in Frobenius norm, with h = U Uᵀ the leverages. The mean over the
believed answer is the score of the question (expected model change: Settles et al. 2008; Cai et al. 2013).
"""

import numpy as np
from jaxtyping import Float, Integer
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import believed
from pal.oracles.pages import page_of
from pal.oracles.state import State


def expected_change(state: State, /) -> list[Question]:
    """Ask the questions that move the embedding most, each item against the class where it moves most.

    O(N k (k + C)) a page; Settles et al. 2008, "Multiple-instance active learning", https://papers.nips.cc/paper/3252.
    """
    askable = believed(state)
    change = change_of(state.embedding, askable.template, askable.probability)
    change = np.where(askable.open, change, -1.0)
    column = change.argmax(axis=1) if len(askable.template) else np.zeros(state.n_items, dtype=np.int64)
    return page_of(state, askable, column, np.maximum(change.max(axis=1, initial=0.0), 0.0))


def change_of(
    embedding: Float[ndarray, "n k"], template: Integer[ndarray, " c"], probability: Float[ndarray, "n c"], /
) -> Float[ndarray, "n c"]:
    """Expected first-order change ‖P E P‖_F for each item and template; O(n k (k + c))."""
    z = np.asarray(embedding, dtype=np.float64)
    values, vectors = np.linalg.eigh(z.T @ z)
    live = values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)
    u = z @ (vectors[:, live] / np.sqrt(values[live]))
    leverage = (u**2).sum(axis=1)
    reach = np.sqrt(2.0 * (leverage[:, None] * leverage[template][None, :] + (u @ u[template].T) ** 2))
    now = np.clip(z @ z[template].T, -1.0, 1.0)
    return reach * (probability * (1.0 - now) + (1.0 - probability) * (1.0 + now))
