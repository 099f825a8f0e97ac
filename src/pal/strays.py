"""Items that answers hold together, though none says which class they are of: *strays*.

Each bears out what is believed of the others. So what features say of one, or what is left when other classes were
denied, would soon be certain of all, and whether they are a class of their own would never be asked. They are judged as
one item, by what answers say of them and others, and what they say of one another isn't passed on.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import logsumexp

from pal.beliefs import ERRING
from pal.evidence import Evidence, Rates, log_likelihoods, messages

# Items that make a group; two are as soon of a class that features know, unless answers deny them this many.
SEVERAL, _DENIED = 3, 4


class Told(NamedTuple):
    """What the answers say of each item asked about: log-likelihoods if it is of a class, and if it is of none.

    ``by_others`` and ``differ_by_others`` leave out what the items of one ``group`` say of one another. ``same`` and
    ``apart`` are the log-likelihoods of the votes on each pair if its ends are of one class, and if not: inside a group
    too, where features hold its items to be of two classes, and these may be one. ``message`` is what each pair says
    (:func:`pal.evidence.messages`).
    """

    message: Float[ndarray, "ends c"]
    told: Float[ndarray, "t c"]
    differ: Float[ndarray, " t"]
    group: Int64[ndarray, " t"]
    same: Float[ndarray, " p"]
    apart: Float[ndarray, " p"]
    by_others: Float[ndarray, "t c"]
    differ_by_others: Float[ndarray, " t"]


def listen(
    evidence: Evidence,
    sums: csr_array,
    belief: Float[ndarray, "t c"],
    one: Float[ndarray, "c c"],
    fixed: Int64[ndarray, " t"],
    rates: Rates,
    /,
) -> Told:
    """All that answers say, by the beliefs so far about items, and that two classes are ``one``.

    ``fixed`` is the class that an item anchors, −1 for none.
    """
    message, (same, apart) = messages(evidence, belief, rates, one), log_likelihoods(evidence, rates)
    label = belief.argmax(axis=1) if belief.shape[1] else fixed
    group = held_together(evidence, label, fixed, erring=rates.error > ERRING)
    across = group[evidence.a] != group[evidence.b]
    told, differ = sums @ message, sums @ np.tile(apart, 2)
    if across.all():  # mostly, and messages are many
        return Told(message, told, differ, group, same, apart, told, differ)
    by_others = sums @ (message * np.tile(across, 2)[:, None])
    return Told(message, told, differ, group, same, apart, by_others, sums @ np.tile(apart * across, 2))


def held_together(
    evidence: Evidence, label: Int64[ndarray, " t"], fixed: Int64[ndarray, " t"], /, *, erring: bool
) -> Int64[ndarray, " t"]:
    """Group, 0..g − 1, of each item: several joined by answers "alike", none an anchor, or one by itself; O(answers).

    ``fixed`` is the class that an item anchors, −1 for none. If people are ``erring``, a group is of one ``label``:
    what one wrong answer joined would be taken for a class.
    """
    t = len(label)
    alike = evidence.of_pairs(evidence.vote) > 0
    if erring:
        alike &= label[evidence.a] == label[evidence.b]
    a, b = evidence.a[alike], evidence.b[alike]
    n, of = connected_components(csr_array((np.ones(len(a)), (a, b)), shape=(t, t)), directed=False)
    size = np.bincount(of, minlength=n)
    unlike = evidence.of_pairs(evidence.vote) < 0
    denied = np.bincount(of[np.append(evidence.a[unlike], evidence.b[unlike])], minlength=n) >= _DENIED
    apart = size + ((size == SEVERAL - 1) & denied) < SEVERAL
    apart[of[fixed >= 0]] = True
    return np.asarray(np.unique(np.where(apart[of], n + np.arange(t), of), return_inverse=True)[1], dtype=np.int64)


def unfit(said: Told, expected: Float[ndarray, "t c"], /) -> Float[ndarray, " t"]:
    """By how much, in log-likelihood, a class of its own fits each item's group better than all others; O(t c).

    ``expected`` is the prior of each item. Features, which err together, count once for a group.
    """
    t = len(said.group)
    if not t:
        return np.zeros(0)
    of_group = csr_array((np.ones(t), (said.group, np.arange(t))))
    size = np.bincount(said.group)[:, None]
    score = of_group @ said.by_others + (of_group @ np.log(expected + 1e-300)) / size
    return np.asarray((of_group @ said.differ_by_others - logsumexp(score, axis=1))[said.group])
