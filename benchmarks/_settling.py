"""Labelling everything without an error: answers that rivals of PAL need, and what none is likely to fall below."""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

# Folds of the classifier that is told nearly all labels.
_FOLDS = 100


def similarity_order(x: Float[ndarray, "n d"], y: Int64[ndarray, " n"], /) -> int:
    """Answers until every item is settled, if the nearest pair is asked about that answers don't imply; O(n² log n).

    Nothing is learned: labels that transitivity gives are all there is (Wang et al. 2013, "Leveraging transitive
    relations for crowdsourced joins", https://doi.org/10.1145/2463676.2465280).
    """
    from scipy.cluster.hierarchy import DisjointSet
    from scipy.spatial.distance import pdist

    n, n_classes = len(x), len(np.unique(y))
    one, other = np.triu_indices(n, 1)
    order = np.argsort(pdist(x), kind="stable")
    groups, apart, n_asked = DisjointSet(range(n)), [set[int]() for _ in range(n)], 0
    for i, j in zip(one[order].tolist(), other[order].tolist(), strict=True):
        if groups.n_subsets == n_classes:
            break
        a, b = groups[i], groups[j]
        if a == b or b in apart[a]:
            continue
        n_asked += 1
        if y[a] != y[b]:
            apart[a].add(b)
            apart[b].add(a)
            continue
        groups.merge(a, b)
        keep, gone = (a, b) if groups[a] == a else (b, a)
        for c in apart[gone]:
            apart[c].discard(gone)
            apart[c].add(keep)
        apart[keep] |= apart[gone]
    return n_asked


def if_all_others_were_known(x: Float[ndarray, "n d"], y: Int64[ndarray, " n"], /) -> int:
    """Answers if each item were asked about when all others are known, of the class that a classifier says.

    One "yes" for each item but the first of its class, one "no" for each two classes, and one for each item that the
    classifier mistakes, but for the first mistake between two classes, which is the "no" that tells these apart.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    c = len(np.unique(y))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    said = cross_val_predict(make_pipeline(StandardScaler(with_std=False), SVC(C=10.0)), x, y, cv=folds)
    wrong = said != y
    pairs = {tuple(sorted(pair)) for pair in zip(said[wrong].tolist(), y[wrong].tolist(), strict=True)}
    return len(y) - c + c * (c - 1) // 2 + int(wrong.sum()) - len(pairs)
