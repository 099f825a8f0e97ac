"""Whether two classes are one: what the votes across them say, what to expect before any, and joining them.

Definition. Votes on a pair tell of its classes in proportion to the probability that one end is in each, by beliefs
which leave these votes out: log(1 + P(one end in each) (same − differ) ÷ P(votes)), summed over the pairs
(:class:`Said`). Before any votes, classes are one as often as the links between their communities suggest
(:func:`merge_prior`). Pairs are then joined, likeliest first, down to a margin (:func:`join`).
"""

from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.special import betaln, expit, gammaln, logit

from pal.communities import Neighborhood, link_ratio
from pal.evidence import of_one_class

# Prior probability that two communities are one class lies in this range, whatever their links say.
_MERGE = (0.02, 0.45)
# Where links tell, the least that they make of it; probability that they don't, and yes and no that are taken to have
# been heard of any two classes then.
_APART, _UNTOLD, _HEARD = 0.005, 0.2, (1.0, 2.0)
# Links that any two communities are taken to have, observed and expected: of small ones no links say little.
_LINKS = 0.5
# Log-odds of a join that votes on items of unknown class may give, and take from one that answers speak for.
_FELT, _FELT_AGAINST = 5.0, 0.5
# Log-odds of a join that is decided by the votes, and for how many of them the prior stands.
_DECIDED, _JOINS = 1.0, 1.0
# Log-odds by which a vote speaks plainly, share of the pairs of classes that people confuse, and least items of these.
_PLAIN, _CONFUSED, _SEVERAL = 1.0, 0.02, 5.0
# How sure other answers make of both ends of a pair whose votes tell about classes.
_SURE = 0.8
# Log-odds that two classes are one beyond which more says nothing.
_CAPPED = 15.0


class Link(NamedTuple):
    """Log-odds, by the votes, that two classes are one, (c, c).

    ``told`` by votes between items whose class other votes say, of which ``against`` speaks against it; ``felt`` by the
    rest, where features say which class an end is of: these err together, so they count up to a limit, and less than an
    answer which they alone speak against. ``plain`` counts the votes that speak plainly, and classes have ``size``
    items. ``clash`` says whether any answers contradict one another: without, what seem to be votes for and against may
    be beliefs that are wrong about an end.
    """

    told: Float[ndarray, "*c c"]
    felt: Float[ndarray, "*c c"]
    against: Float[ndarray, "*c c"]
    plain: Float[ndarray, "*c c"]
    size: Float[ndarray, "*c c"]
    clash: bool

    @property
    def odds(self) -> Float[ndarray, "*c c"]:
        """Both together.

        Votes that contradict one another say that people may confuse the two classes, and then they say either as
        often: a second mistake between these is no surprise. Of single items that isn't assumed.
        """
        answered = (self.told > _DECIDED) & (self.against < _DECIDED) & (not self.clash)
        felt = np.clip(self.felt, np.where(answered, -_FELT_AGAINST, -np.inf), _FELT)
        unlike = self.against + np.maximum(-felt, 0.0)
        odds = self.told + felt
        if not self.clash:
            return odds
        confused = np.log(_CONFUSED) - np.log(2.0) * self.plain
        either = np.logaddexp(-unlike, confused) - np.logaddexp(-unlike - odds, confused)
        both_ways = np.minimum(unlike, unlike + odds) > _PLAIN
        return np.where(both_ways & (self.size >= _SEVERAL), either, odds)

    def of_tables(self, do: Callable[[ndarray], ndarray], /) -> "Link":
        """The same of each table: a copy, or that of one class with every other."""
        told, felt, against, plain, size = map(do, (self.told, self.felt, self.against, self.plain, self.size))
        return Link(told, felt, against, plain, size, self.clash)


class Said(NamedTuple):
    """What the votes on each pair say of a class of one end and one of the other being one, (p, 4): the two likeliest
    of each.
    """  # noqa: D205

    one: Int64[ndarray, "p 4"]
    other: Int64[ndarray, "p 4"]
    log_odds: Float[ndarray, "p 4"]

    def total(self, n_classes: int, /) -> Float[ndarray, "c c"]:
        """Log-odds of all votes together."""
        return self._sum(self.log_odds, n_classes)

    def link(self, told: ndarray, size: Float[ndarray, " c"], /, *, clash: bool) -> Link:
        """Log-odds by the votes on classes of so many items; ``told`` says of which pairs others say both classes."""
        c, yes = len(size), self.some(told)
        return Link(
            yes.total(c),
            self.some(~told).total(c),
            yes._sum(np.maximum(-yes.log_odds, 0.0), c),
            self._sum(np.abs(self.log_odds) > _PLAIN, c),
            np.minimum.outer(size, size),
            clash,
        )

    def _sum(self, of_vote: ndarray, n_classes: int) -> Float[ndarray, "c c"]:
        table = np.zeros((n_classes, n_classes))
        np.add.at(table, (self.one, self.other), of_vote)
        return table + table.T

    def some(self, rows: ndarray, /) -> "Said":
        """That of some pairs alone."""
        return Said(self.one[rows], self.other[rows], self.log_odds[rows])


def by_votes(
    alone: Float[ndarray, "ends c"],
    cavity: Float[ndarray, "ends c"],
    log_same: Float[ndarray, " p"],
    log_differ: Float[ndarray, " p"],
    surprise: float,
    size: Float[ndarray, " c"],
    /,
    *,
    clash: bool,
) -> tuple[Link, Said]:
    """All votes together, on classes of ``size`` items, and by pairs.

    Where other answers ``alone`` make sure of both ends, these are told; elsewhere ``cavity`` says which classes the
    ends are of, with features, which mistake an end with probability ``surprise``.
    """
    p = len(log_same)
    sure = alone.max(axis=1, initial=0.0)
    known = sure[:p] * sure[p:] > _SURE
    ends = np.where(np.tile(known, 2)[:, None], alone, cavity)
    said = by_pairs(ends[:p], ends[p:], log_same, log_differ, np.where(known, 0.0, surprise))
    return said.link(known, size, clash=clash), said


def by_pairs(
    one: Float[ndarray, "p c"],
    other: Float[ndarray, "p c"],
    log_same: Float[ndarray, " p"],
    log_differ: Float[ndarray, " p"],
    surprise: Float[ndarray, " p"],
    /,
) -> Said:
    """Log-odds, by the votes on each pair, that two classes are one.

    ``one`` and ``other`` are beliefs about each end without the votes between them. An answer that the ends' other
    classes explain as well says little; ``surprise`` is the probability that an end is of neither, which explains any
    answer.
    """
    p = len(one)
    if one.shape[1] < 2 or not p:
        nothing = np.zeros((p, 4), dtype=np.int64)
        return Said(nothing, nothing, np.zeros((p, 4)))
    row = np.arange(p)[:, None]
    top = np.maximum(log_same, log_differ)
    same, differ = np.exp(log_same - top), np.exp(log_differ - top)
    alike = (one * other).sum(axis=1)
    votes = (1.0 - surprise) * (same * alike + differ * (1.0 - alike)) + surprise + 1e-300
    first, second = (np.argpartition(-end, 1, axis=1)[:, :2] for end in (one, other))
    u, v = np.repeat(first, 2, axis=1), np.tile(second, 2)
    both = one[row, u] * other[row, v]
    return Said(u, v, np.log(np.maximum(1.0 + both * ((same - differ) / votes)[:, None], 1e-300)))


def of_one(
    one: Float[ndarray, "p c"], other: Float[ndarray, "p c"], prior: Float[ndarray, "c c"], link: Link, said: Said, /
) -> Float[ndarray, " p"]:
    """Probability that both ends of each pair are of one class, by all but its own votes.

    Other votes across two classes may say that these are one: five people who find members of both alike aren't wrong
    five times.
    """
    same = of_one_class(one, other, prior)
    if one.shape[1] < 2:
        return same
    row = np.arange(len(one))[:, None]
    before = prior[said.one, said.other]
    after = np.where(before > 0, expit(logit(before) + link.odds[said.one, said.other] - said.log_odds), 0.0)
    gain = one[row, said.one] * other[row, said.other] * (after - before)
    return np.clip(same + gain.sum(axis=1), 0.0, 1.0)


class Made(NamedTuple):
    """Joins of communities made so far, and how many of them the links between these would have foretold."""

    joins: float
    expected: float


def made(near: Neighborhood, part: Float[ndarray, "k c"], /) -> Made:
    """Joins that made the classes of the communities' centres what they are, by the beliefs about parts."""
    found = _joined(near, part[near.part[near.medoid]].argmax(axis=1), _MERGE[0])
    return Made(float(sum(n for n, _ in found)), sum(n * prior for n, prior in found))


def merge_prior(
    near: Neighborhood,
    part: Float[ndarray, "k c"],
    link: Float[ndarray, "c c"],
    /,
    *,
    given: int,
    before: Made = Made(0.0, 0.0),  # noqa: B008, it cannot change
) -> Float[ndarray, "c c"]:
    """Probability that two classes are one before the votes across them; 0 on the diagonal and for those ``given``.

    From the links between their parts in the neighbour graph against chance, then scaled to the share of such pairs
    that the votes joined so far: where communities seldom belong together, few further ones will. Joins made ``before``
    count if they are given. In what is believed they would bear out one another, so they are for what is to be asked.
    """
    c = len(link)
    prior = _by_links(near, _whole(part), _MERGE[0])
    upper = np.triu(np.ones((c, c), dtype=bool), 1)
    yes = before.joins + (upper & (link > _DECIDED)).sum()
    expected = before.expected + prior[upper & (np.abs(link) > _DECIDED)].sum()
    odds = prior / (1.0 - prior) * (_JOINS + yes) / (_JOINS + expected)
    merge = np.clip(odds / (1.0 + odds), _MERGE[0] / 10.0, _MERGE[1])
    merge[:given, :given] = 0.0
    np.fill_diagonal(merge, 0.0)
    return merge


def prior_to_ask(
    near: Neighborhood, part: Float[ndarray, "k c"], link: Float[ndarray, "c c"], group: Int64[ndarray, " m"], /
) -> Float[ndarray, "c c"]:
    """Probability that two classes are one, for what is worth asking; 0 on the diagonal.

    There are two kinds of data: either links tell, up to a factor that answers say, and what they hardly join is hardly
    ever one; or any two classes are one as often. The answers so far, on classes and in the ``group`` that they put
    each medoid in, say which, so that neither every pair without links is asked about nor what links wrongly foretell.
    """
    tell = _by_links(near, _whole(part), _APART)
    upper = np.triu(np.ones(tell.shape, dtype=bool), 1)
    yes, no = upper & (link > _DECIDED), upper & (link < -_DECIDED)
    n_yes, n_no, foretold, expected = yes.sum(), no.sum(), np.log(tell[yes]).sum(), tell[yes | no].sum()
    for n, prior in _joined(near, group, _APART):
        n_yes, foretold, expected = n_yes + n, foretold + n * np.log(prior), expected + n * prior
    # Yes answers come at a rate that has a gamma distribution, or of all answers, a beta distribution.
    factor = (_JOINS + n_yes) / (_JOINS + expected)
    if_told = foretold + gammaln(_JOINS + n_yes) - gammaln(_JOINS)
    if_told += _JOINS * np.log(_JOINS) - (_JOINS + n_yes) * np.log(_JOINS + expected)
    a, b = _HEARD[0] + n_yes, _HEARD[1] + n_no
    untold = expit(logit(_UNTOLD) + betaln(a, b) - betaln(*_HEARD) - if_told)
    told = np.minimum(expit(logit(tell) + np.log(factor)), _MERGE[1])
    merge = (1.0 - untold) * told + untold * a / (a + b)
    np.fill_diagonal(merge, 0.0)
    return np.asarray(merge)


def one_at_most(odds: Float[ndarray, "c c"], /) -> Float[ndarray, "c c"]:
    """Probability that two classes are one, by log-odds; 0 on the diagonal.

    A class may be one with each of several, but not with two that differ: P(one) is odds ÷ (1 + odds + those of the
    others that differ), for whichever end leaves less.
    """
    ratio = np.exp(np.minimum(odds, _CAPPED))
    np.fill_diagonal(ratio, 0.0)
    others = ratio @ (1.0 / (1.0 + ratio))
    # Of all k the diagonals add nothing for k = i, and ratio itself for k = j.
    return np.asarray(ratio / (1.0 + np.maximum(others, others.T)))


def _joined(near: Neighborhood, of_class: Int64[ndarray, " m"], least: float) -> list[tuple[int, float]]:
    """Joins that made each class what it is, and what links foretold of one of them, at the ``least``."""
    prior = _by_links(near, np.eye(len(near.medoid))[near.parent], least)
    found = []
    for c in np.unique(of_class):
        one = np.flatnonzero(of_class == c)
        if len(one) > 1:
            found.append((len(one) - 1, float(prior[np.ix_(one, one)][np.triu_indices(len(one), 1)].mean())))
    return found


def _whole(part: Float[ndarray, "k c"]) -> Float[ndarray, "k c"]:
    """Each part in the class that it most likely is of, and in no other."""
    return np.eye(part.shape[1])[part.argmax(axis=1)] if part.shape[1] else part


def _by_links(near: Neighborhood, group: Float[ndarray, "k g"], least: float) -> Float[ndarray, "g g"]:
    """Probability that two groups of parts are of one class, by the links between them."""
    ratio = link_ratio(group.T @ near.between @ group, links=_LINKS)
    return np.asarray(np.clip(ratio / (1.0 + ratio), least, _MERGE[1]))


def join(
    link: Link, prior: Float[ndarray, "c c"], size: Float[ndarray, " c"], /, *, margin: float
) -> Int64[ndarray, " c"]:
    """Join the two classes most likely one, evidence summed, until log-odds fall below ``margin``; label of each class.

    Labels are in order of first members. Classes that cannot be one, of prior 0, are never joined, nor is anything that
    holds them. Priors of what is joined count by ``size``: what no links say of one item says nothing of a whole class.
    """
    link, before, size = link.of_tables(np.copy), prior.copy(), size.copy()
    label = np.arange(len(prior))
    off = prior > 0
    odds = _odds(link, before, off)
    while odds.max(initial=-np.inf) > margin:
        keep, gone = sorted(int(k) for k in np.unravel_index(odds.argmax(), odds.shape))
        label[label == gone] = keep
        share = size[gone] / (size[keep] + size[gone])
        size[keep] += size[gone]
        for table in (link.told, link.felt, link.against, link.plain):
            _put(table, keep, table[keep] + table[gone])
        _put(link.size, keep, np.minimum(size[keep], size))
        _put(before, keep, (1.0 - share) * before[keep] + share * before[gone])
        _put(off, keep, off[keep] & off[gone])
        _put(off, gone, np.zeros_like(off[gone]))
        for c in (keep, gone):
            _put(odds, c, _odds(link.of_tables(itemgetter(c)), before[c], off[c]))
    return np.asarray(np.unique(label, return_inverse=True)[1], dtype=np.int64)


def _odds(link: Link, prior: Float[ndarray, "*c c"], off: ndarray) -> Float[ndarray, "*c c"]:
    """Log-odds that classes which may be one are, where votes speak for it."""
    by_votes = link.odds
    return np.where(off & (by_votes > 0), by_votes + logit(prior), -np.inf)


def _put(table: ndarray, c: int, row: ndarray) -> None:
    """Write a row of a symmetric table."""
    table[c] = row
    table[:, c] = row
