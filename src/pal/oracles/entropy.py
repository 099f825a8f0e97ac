"""Entropy: items whose class is least known (Shannon 1948; Settles 2009, section 3.1)."""

from pal.answers import Question
from pal.oracles.askable import believed
from pal.oracles.pages import entropy_of, likely_page
from pal.oracles.state import State


def entropy(state: State, /) -> list[Question]:
    """Ask about the items of largest entropy, −Σ_c P_ic log P_ic; O(N C) a page.

    Settles 2009, "Active learning literature survey", section 3.1, https://minds.wisconsin.edu/handle/1793/60660.
    """
    askable = believed(state)
    return likely_page(state, askable, entropy_of(askable.probability))
