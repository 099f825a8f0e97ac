"""The default: the page that removes most doubt.

Derivation. Let p_ic be the belief that item i is of class c. Asking "is i the same kind as the template of c?" can
change two things:

- the label of i, and of items that follow it: worth 1 − (1 − u)(p₁ − p₂), with p₁ and p₂ its two largest beliefs and u
  the probability that it is of a class not seen yet, times its reach, times p_ic / max(p₁, 0.4), since a "yes" settles
  i against every class at once (a "no" only against one), and is hardly to be had of an item that may be of any of many
  classes;
- whether two classes are one, if i is the anchor of another class: with s the probability that they are, a wrong
  decision mislabels the smaller of them, so the answer is worth min(s, 1 − s) · min(n_i, n_c); more where people err,
  and along chains if one of them was denied and is found alike nothing yet.

What people cannot tell teaches nothing, so a tile is worth that times the probability that it is clear
(:mod:`pal.clarity`). A page is worth the sum over its tiles, each discounted by how much it resembles tiles already
chosen. All pages have one template and as many tiles, so their prices in seconds (:mod:`pal.cost`) differ by the clicks
alone, and are not weighed; the mode is the one with fewer clicks expected.

Two kinds of tiles aren't there for their worth: checks, while nothing could contradict a wrong answer
(:mod:`pal.oracles.checks`), and where people err, the class that the page's own is kept apart from by least.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from pal.answers import Question
from pal.beliefs import ERRING
from pal.oracles.captcha import captcha
from pal.oracles.checks import due, with_check
from pal.oracles.exemplars import delegates, exemplars, refused, templates_of
from pal.oracles.state import State
from pal.votes import pair_key

# Tiles compared in detail when a page is made diverse, in pages.
_POOL = 4
# Items that are looked at among many, and of each class four pools.
_IN_SIGHT = 4096
# Worth of any item that isn't settled.
_LEAST = 1e-9
# Items of equal worth are taken at equal distances over their list, which may be sorted by class: by multiples of the
# golden ratio, less their whole parts, as far as that much of their worth.
_GOLDEN, _TIE = (5.0**0.5 - 1.0) / 2.0, 1e-6
# An item less probable of its likeliest class than this mostly hears "no" of it, too, unless people err.
_OFTEN = 0.4
# Where some answers are wrong, items doubted more than this are asked about again, though settled or deduced.
_DOUBTED = 0.1
# Answers that deny an item without one that doesn't, from which one of them may be wrong.
_IN_VAIN = 4
# Of a class that is less probable than its own by this factor, an item isn't asked about unless it is doubted.
_RIVAL = 0.05
# Whether two classes are one is asked of others too, whose relation is deduced, unless it is this sure.
_OPEN = 0.01
# Classes whose pages are made and compared, the most promising ones.
_CLASSES = 5
# Pages at once where people are faster than models, each worth at least this share of the best.
_AT_ONCE, _NEARLY = 3, 0.8
# A join isn't asked about if fewer items than that are expected to be wrong. Where people err it is worth this many
# times as much, since it also shows which answers are wrong.
_HARDLY, _BEARS_OUT = 0.01, 3.0
# A class named after an item that was denied, and is found alike nothing yet, isn't found: that it is one with another,
# as it is with probability s, is worth 1 + 8 s χ⁴ times as much, χ the trust in chains: along these it is found last.
_BEGUN = 8.0
# What answers imply is asked again where it is doubted, but draws a page to itself by so much of its worth. Until some
# contradict one another, a page has at most so many such tiles: they are there to let answers contradict.
_AGAIN, _IMPLIED = 0.3, 2
# Items expected to be wrong if two classes are one after all, from which they are compared once more where people err.
_WEAK = 1e-3


class _Page(NamedTuple):
    worth: float
    template: int
    items: Int64[ndarray, " q"]
    expected: Float[ndarray, " q"]


def gain(state: State, /) -> list[Question]:
    """Ask the page of greatest worth; O(N + page_size² · neighbours), and O(N C) once a model.

    Items, and pairs of classes, asked about since the model was fitted wait for the next one. People who are faster
    than models get a few pages at once that share neither items nor pairs of classes: the next model decides again.
    """
    value, waiting = _label_value(state), state.asked_since()
    faster = len(state.since) > _AT_ONCE * state.page_size
    value, n_wanted = np.where(waiting, 0.0, value), _AT_ONCE if faster else 1
    pages = _best_pages(state, _in_sight(state, value), n_wanted)
    if not pages and len(value) > _IN_SIGHT:
        pages = _best_pages(state, value, n_wanted)
    if not pages and waiting.any():
        return []
    if not pages:  # beliefs leave nothing in doubt that may be asked: finish what isn't settled
        return captcha(state)
    return [
        Question(page.template, page.items, "different" if page.expected.mean() > 0.5 else "same") for page in pages
    ]


def _in_sight(state: State, value: Float[ndarray, " n"]) -> Float[ndarray, " n"]:
    """Worth of the items of greatest worth, of all and of each class, and 0 for the others; O(N)."""
    if len(value) <= _IN_SIGHT:
        return value
    seen, per_class = np.zeros(len(value), dtype=bool), 4 * _POOL * state.page_size
    seen[np.argpartition(value, -_IN_SIGHT)[-_IN_SIGHT:]] = True
    for own in state.beliefs.members:
        k = min(per_class, len(own))
        seen[own[np.argpartition(value[own], -k)[-k:]] if k else own] = True
    return np.where(seen, value, 0.0)


def _best_pages(state: State, value: Float[ndarray, " n"], n_wanted: int) -> list[_Page]:
    """Pages of greatest worth, given that of settling each item: one, or a few about different classes."""
    members = exemplars(state)
    join = _join_value(state, members)
    check = due(state)
    found: list[tuple[int, _Page]] = []
    for rank, c in enumerate(np.argsort(-_promise(state, value, join), kind="stable").tolist()):
        if found and rank >= (_CLASSES if n_wanted == 1 else n_wanted + 1):
            break
        least = max((page.worth for _, page in found), default=0.0) if n_wanted == 1 else 0.0
        page = _class_page(state, c, value, join, members, check=check, least=least, any_full=n_wanted > 1)
        if page is not None:
            found.append((c, page))
    found.sort(key=lambda one: -one[1].worth)
    return _apart(state, value, join, members, found, n_wanted)


def _apart(
    state: State,
    value: Float[ndarray, " n"],
    join: Float[ndarray, "c c"],
    members: Int64[ndarray, "c d"],
    found: list[tuple[int, _Page]],
    n_wanted: int,
) -> list[_Page]:
    """The best of some pages, best first, each made anew where it shares an item or a pair of classes with another."""
    pages: list[_Page] = []
    held, before = state.held.copy(), list[int]()
    for c, page in found:
        if len(pages) == n_wanted or (pages and page.worth < _NEARLY * pages[0].worth):
            break
        again: _Page | None = page
        if held[[page.template, *page.items]].any() or join[c, before].any():
            join[before], join[:, before] = 0.0, 0.0
            rest, left = replace(state, held=held.copy()), np.where(held, 0.0, value)
            again = _class_page(rest, c, left, join, members, check=False, least=0.0, any_full=True)
        if again is not None:
            pages.append(again)
            before.append(c)
            held[[again.template, *again.items]] = True
    return pages


def _class_page(
    state: State,
    c: int,
    value: Float[ndarray, " n"],
    join: Float[ndarray, "c c"],
    members: Int64[ndarray, "c d"],
    *,
    check: bool,
    least: float,
    any_full: bool,
) -> _Page | None:
    """Best page about one class, if it is worth more than ``least``; or the first full one, in less time."""
    templates, worth = templates_of(state, c), _worth(state, c, value)
    # What is believed to be of the class, and isn't in it by answers, may be kept out of it by a wrong one. Until some
    # are wrong, what is deduced isn't asked, however much features speak against it; checks let answers contradict. But
    # an item that was denied in vain, though nothing contradicts that.
    doubted = (value > _DOUBTED) | ((state.beliefs.label == c) & (state.beliefs.source == 0))
    if not state.some_wrong:
        doubted &= state.n_denied >= _IN_VAIN
    best: _Page | None = None
    for template in templates[1:2] or templates if check else templates:
        page = _page(state, c, template, worth, doubted, join[c], members, check=check, least=least)
        if page is not None and page.worth > least:
            best, least = page, page.worth
            if any_full and len(page.items) == state.page_size:
                break
    return best


def _may_differ(state: State, template: int, items: Int64[ndarray, " q"]) -> Float[ndarray, " q"]:
    """Probability that an answer may differ from what is deduced: that one of the two answers behind it is wrong."""
    if state.some_wrong:  # the beliefs say which
        return np.ones(len(items))
    return np.where(state.knowledge.relation(template, items) == 0, 1.0, 2.0 * state.beliefs.error)


def _label_value(state: State) -> Float[ndarray, " n"]:
    """Worth of settling each item: 1 minus the margin between its two likeliest classes, times its reach.

    The margin counts as much as the item is of a class seen before: so parts of communities nobody was asked about are.
    """
    beliefs, several = state.beliefs, state.beliefs.probability.shape[1] > 1
    value = 1.0 - beliefs.margin * (1.0 if beliefs.unseen is None else 1.0 - beliefs.unseen)
    if beliefs.reach is not None:
        value = value * beliefs.reach
    value = np.maximum(value * (1.0 - state.unclear), _LEAST) * (1.0 - _TIE * (_GOLDEN * np.arange(len(value)) % 1.0))
    doubted = (value > _DOUBTED) if several else np.zeros(len(value), dtype=bool)
    value[state.held | ((beliefs.source > 0) & ~doubted)] = 0.0
    return value


def _join_value(state: State, members: Int64[ndarray, "c d"]) -> Float[ndarray, "c c"]:
    """Worth of asking the anchor of class d (column) against the template of class c (row)."""
    beliefs = state.beliefs
    wrong = np.minimum(beliefs.same, 1.0 - beliefs.same) * beliefs.smaller
    value = np.where(wrong < _HARDLY, 0.0, wrong * (_BEARS_OUT if beliefs.error > ERRING else 1.0))
    if not state.fitted.clash:  # else what was denied may have been found
        begun = state.n_denied[beliefs.anchor] > 0
        value *= 1.0 + _BEGUN * beliefs.chained**4 * beliefs.same * (begun[:, None] | begun)
    value[_compared_since(state, members)] = 0.0
    return value


def _compared_since(state: State, members: Int64[ndarray, "c d"]) -> Bool[ndarray, "c c"]:
    """Pairs of classes that members of both were compared for after the model was fitted."""
    since, label = state.since, state.beliefs.label
    asked = np.isin(since.item, members)
    table = np.zeros((len(members), len(members)), dtype=bool)
    table[label[since.template[asked]], label[since.item[asked]]] = True
    return table | table.T


def _promise(state: State, value: Float[ndarray, " n"], join: Float[ndarray, "c c"]) -> Float[ndarray, " c"]:
    """Upper bound of the worth of a page for each class, to look at the best few only."""
    q = state.page_size
    tiles = [np.concatenate([value[own], join[c]]) for c, own in enumerate(state.beliefs.members)]
    return np.array([(np.partition(of_one, -q)[-q:] if len(of_one) > q else of_one).sum() for of_one in tiles])


def _worth(state: State, c: int, value: Float[ndarray, " n"]) -> Float[ndarray, " n"]:
    """Worth of comparing each item with class c; none of what is surely of another class and would only fill a page."""
    worth, some = np.zeros(state.n_items), np.flatnonzero(value)
    probability, confidence = state.beliefs.probability[some, c], state.beliefs.confidence[some]
    least = _OFTEN if state.beliefs.error <= ERRING else 0.0  # where people err, contradictions make items doubtful
    of_some = value[some] * probability / np.maximum(confidence, least)
    of_some[(probability < _RIVAL * confidence) & (value[some] <= _DOUBTED)] = 0.0
    worth[some] = of_some
    return worth


def _page(
    state: State,
    c: int,
    template: int,
    worth: Float[ndarray, " n"],
    doubted: Bool[ndarray, " n"],
    join: Float[ndarray, " c"],
    members: Int64[ndarray, "c d"],
    *,
    check: bool,
    least: float,
) -> _Page | None:
    """Page about one template; None if nothing may be asked, or nothing that is worth more than ``least``."""
    beliefs = state.beliefs
    worth, doubted = worth.copy(), doubted.copy()
    classes, delegate = delegates(state, template, members, join)
    joins = join[classes] * _may_differ(state, template, delegate)
    worth[delegate] = np.maximum(worth[delegate], np.where(joins < _HARDLY, 0.0, joins))
    worth[template] = 0.0
    one = beliefs.same[c, classes]  # not for ever: at the end, nothing else would be left to ask
    doubted[delegate] = np.minimum(one, 1.0 - one) > _OPEN
    pool, implied = _best_askable(state, template, worth, doubted)
    if not state.fitted.clash:
        kept = ~implied | (np.cumsum(implied) <= _IMPLIED)
        pool, implied = pool[kept], implied[kept]
    if not len(pool) or worth[pool[: state.page_size]].sum() <= least:  # likeness only takes away from that
        return None
    chosen, total = _diverse(state, pool, worth[pool])
    if not state.fitted.clash:
        again = chosen[np.isin(chosen, delegate) & np.isin(chosen, pool[implied])]
        total -= (1.0 - _AGAIN) * float(worth[again].sum())
    if check:
        chosen = with_check(state, c, template, chosen)
    elif state.fitted.clash and beliefs.error > ERRING:
        chosen = _with_weakest(state, c, template, members, chosen)
    same = beliefs.same[:, c].copy()
    same[c] = 1.0
    return _Page(total, template, chosen, beliefs.probability[chosen] @ same)


def _with_weakest(
    state: State, c: int, template: int, members: Int64[ndarray, "c d"], chosen: Int64[ndarray, " q"]
) -> Int64[ndarray, " p"]:
    """Put in a member of the class that is kept apart from class c by least, for what it has.

    Two wrong "no" make two classes of one, and what follows bears them out: items that are denied by mistake go there.
    """
    wrong = np.where(_compared_since(state, members)[c], 0.0, state.beliefs.same[c] * state.beliefs.smaller[c])
    classes, delegate = delegates(state, template, members, np.where(wrong >= _WEAK, wrong, 0.0))
    if not len(classes):
        return chosen
    weakest = int(delegate[wrong[classes].argmax()])
    return chosen if weakest in chosen else np.append(chosen[: state.page_size - 1], weakest)


def _best_askable(
    state: State, template: int, worth: Float[ndarray, " n"], doubted: Bool[ndarray, " n"]
) -> tuple[Int64[ndarray, " m"], Bool[ndarray, " m"]]:
    """Items of greatest worth that may be compared with a template, best first, and which of these answers imply.

    Most pairs are ruled out by what is deduced, in O(N); votes are looked up of few more than it takes.
    """
    n_wanted = _POOL * state.page_size
    some = np.flatnonzero(worth > 0)
    implied = state.knowledge.relation(template, some) != 0
    known, some = some[implied], some[~implied | doubted[some]]
    some = some[~np.isin(some, refused(state, template))]
    n_looked = 2 * n_wanted
    while True:
        # Ties with the last are looked at too, so that the outcome doesn't depend on how many are.
        least = np.partition(worth[some], -n_looked)[-n_looked] if n_looked < len(some) else 0.0
        candidates = some[worth[some] >= least]
        votes = state.knowledge.votes.look_up(pair_key(state.n_items, np.full(len(candidates), template), candidates))
        candidates = candidates[(votes.alike + votes.unlike) == 0]
        # What is deduced is asked about only if it is doubted, which what was deduced since cannot be.
        candidates = candidates[~state.related_since(template, candidates)]
        if len(candidates) >= n_wanted or least <= 0:
            best = candidates[np.argsort(-worth[candidates], kind="stable")[:n_wanted]]
            return best, np.isin(best, known)
        n_looked *= 8


def _diverse(
    state: State, pool: Int64[ndarray, " m"], worth: Float[ndarray, " m"]
) -> tuple[Int64[ndarray, " q"], float]:
    """Greedy choice: each tile's worth shrinks by its likeness to the tiles chosen so far."""
    rows = state.model.affinity[pool]
    likeness = (rows @ rows.T).toarray()
    scale = np.sqrt(np.maximum(np.diag(likeness), 1e-300))
    likeness = np.minimum(likeness / np.outer(scale, scale), 1.0)
    left = worth.copy()
    chosen: list[int] = []
    total = 0.0
    for _ in range(min(state.page_size, len(pool))):
        k = int(left.argmax())
        chosen.append(k)
        total += float(left[k])
        left *= 1.0 - likeness[k]
        left[chosen] = -1.0
    return pool[chosen], total
