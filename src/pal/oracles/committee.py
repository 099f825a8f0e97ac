"""Committee: items on which probes fitted on bootstraps of the known labels disagree (Seung et al. 1992)."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from pal.answers import Question
from pal.oracles.askable import Askable, believed
from pal.oracles.linear import ridge_probe, with_ones
from pal.oracles.pages import entropy_of, likely_page
from pal.oracles.state import State

N_MEMBERS = 9


def committee(state: State, /) -> list[Question]:
    """Ask about the items of largest vote entropy among 9 bootstrapped probes; O(members · N k C) a page.

    Seung et al. 1992, "Query by committee", https://doi.org/10.1145/130385.130417; Dagan and Engelson 1995 for the
    vote entropy. Ties, and everything until two classes are known, go by the entropy of the beliefs.
    """
    askable = believed(state)
    doubt = entropy_of(askable.probability)
    if len(np.unique(askable.label[askable.label >= 0])) < 2:
        return likely_page(state, askable, doubt)
    return likely_page(state, askable, vote_entropy(state.embedding, askable, rng=state.rng) + 1e-3 * doubt)


def vote_entropy(
    embedding: Float[ndarray, "n k"], askable: Askable, /, *, rng: np.random.Generator, n_members: int = N_MEMBERS
) -> Float[ndarray, " n"]:
    """Entropy of the members' votes on each item, in nats, (n,)."""
    z = with_ones(embedding)
    known = askable.label >= 0
    classes, label = np.unique(askable.label[known], return_inverse=True)
    votes = np.zeros((len(z), len(classes)))
    for _ in range(n_members):
        # Bayesian bootstrap (Rubin 1981): no class ever drops out.
        weight = rng.exponential(size=len(label))
        winner = (z @ ridge_probe(z[known], label, n_classes=len(classes), weight=weight)).argmax(axis=1)
        votes[np.arange(len(z)), winner] += 1.0 / n_members
    return entropy_of(votes)
