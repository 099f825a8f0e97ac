"""Every similarity graph of the paper, as factors F and M of G = F M Fᵀ (section 3.1, appendices B.2.1 and C.2).

A label of −1 means unknown. Blocks of views are sample-major: the V views of item i are rows V·i … V·i + V − 1
(kron(I, 1_V)); :mod:`pal.losses` uses the same order.
"""

import numpy as np
from jaxtyping import Float, Int, Integer, Num
from numpy import ndarray
from scipy.sparse import coo_array, csr_array, diags_array, eye_array, kron

from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.knowledge import Knowledge


def identity(n_items: int) -> SimilarityGraph:
    """G = I: nothing is known but that every item is like itself."""
    return SimilarityGraph(eye_array(n_items), eye_array(n_items))


def from_labels(
    labels: Integer[ndarray, " n_items"],
    /,
    *,
    contrastive: bool = False,
    self_loops: bool | None = None,
) -> SimilarityGraph:
    """Supervised graph, G = Y Yᵀ (eq. 6), or with ``contrastive`` its ±1 form (eq. 15).

    F = Y with a row of zeros for an unknown label and M = I; contrastive: M = 2 I − 1 1ᵀ between classes.

    Parameters
    ----------
    labels
        Class of each item, any integers; −1 is unknown.
    contrastive
        Whether items of different classes get −1 (else 0).
    self_loops
        Whether items of unknown label keep G_ii = 1 (a group of their own, related to nothing else); by default only
        in the contrastive graph.

    Raises
    ------
    InvalidInputError
        If a label is below −1.
    """
    labels = np.asarray(labels)
    if labels.min(initial=0) < -1:
        raise InvalidInputError(f"labels must be -1 (unknown) or a class from 0, got {labels.min()}; recode them")
    item = np.flatnonzero(labels >= 0)
    classes, code = np.unique(labels[item], return_inverse=True)
    one_hot = _one_hot(item, code, (len(labels), len(classes)))
    relation = eye_array(len(classes))
    if contrastive:
        relation = 2.0 * relation - np.ones((len(classes),) * 2)
    graph = SimilarityGraph(one_hot, csr_array(relation))
    if self_loops is None:
        self_loops = contrastive
    return graph + _alone(np.flatnonzero(labels < 0), len(labels)) if self_loops else graph


def from_views(n_originals: int, n_views: int, /, *, self_loops: bool = True) -> SimilarityGraph:
    """Self-supervised graph (eq. 8): the views of one original item are alike; F = I ⊗ 1_V, M = I.

    ``n_views`` is V, or V · E over E epochs. ``self_loops=False`` gives the hollow graph that the two-view forms of
    SimCLR and Barlow Twins imply; VIC² needs the self-loops (a hollow pair has the eigenvalue −1).
    """
    graph = augmented(identity(n_originals), n_views)
    return graph if self_loops else graph.hollow()


def augmented(graph: SimilarityGraph, n_views: int, /) -> SimilarityGraph:
    """Graph over ``n_views`` augmentations of each item (eq. 7): F ⊗ 1_A, the same M."""
    if n_views < 1:
        raise InvalidInputError(f"n_views must be at least 1, got {n_views}; 1 leaves the graph as it is")
    return SimilarityGraph(kron(graph.membership, np.ones((n_views, 1)), format="csr"), graph.relation)


def blend(ssl: SimilarityGraph, supervised: SimilarityGraph, /, *, alpha: float) -> SimilarityGraph:
    """Semi-supervised graph of Fig. 4, (1 − α) G_ssl + α Ŷ Ŷᵀ; a small α is better when few labels are known."""
    if not 0.0 <= alpha <= 1.0:
        raise InvalidInputError(f"alpha must lie in [0, 1], got {alpha}; 0 is self-supervised, 1 supervised")
    return (1.0 - alpha) * ssl + alpha * supervised


def from_knowledge(knowledge: Knowledge, /, *, contrastive: bool = True) -> SimilarityGraph:
    """Graph of what answers imply (eq. 15): +1 within a group, −1 between groups known to differ, 0 elsewhere.

    An untouched item is a group of its own, so G_ii = 1 for all. ``contrastive=False`` keeps the +1 only.
    """
    group, code = np.unique(knowledge.group, return_inverse=True)
    n_groups = len(group)
    relation = eye_array(n_groups, format="csr")
    if contrastive and len(knowledge.differing):
        g, h = np.searchsorted(group, knowledge.differing).T
        unlike = coo_array((np.full(len(g), -1.0), (g, h)), shape=(n_groups,) * 2)
        relation = relation + unlike + unlike.T
    return SimilarityGraph(_one_hot(np.arange(len(code)), code, (len(code), n_groups)), relation)


def from_beliefs(
    probabilities: Float[ndarray, "n_items n_classes"], /, *, unit_diagonal: bool = False, contrastive: bool = True
) -> SimilarityGraph:
    """Believed graph: the expected ±1 relation under a posterior P, G_ij = 2 Σ_c P_ic P_jc − 1.

    F = [P, 1], M = blockdiag(2 I, −1). ``unit_diagonal`` sets G_ii = 1, as an item is surely like itself.
    ``contrastive=False`` is the expected 0/1 relation, Σ_c P_ic P_jc, for losses that look at alike pairs alone.

    Raises
    ------
    InvalidInputError
        If a row isn't a distribution.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.min(initial=0.0) < 0 or not np.allclose(p.sum(axis=1), 1.0, atol=1e-6):
        raise InvalidInputError(
            f"rows must be probabilities that sum to 1, got sums in {p.sum(1).min():.3g}..{p.sum(1).max():.3g} "
            f"and a smallest entry {p.min():.3g}; normalise the rows"
        )
    if contrastive:
        membership = csr_array(np.column_stack([p, np.ones(len(p))]))
        graph = SimilarityGraph(membership, diags_array(np.r_[np.full(p.shape[1], 2.0), -1.0]))
    else:
        graph = SimilarityGraph(csr_array(p), eye_array(p.shape[1]))
    return graph.with_unit_diagonal() if unit_diagonal else graph


def from_neighbors(adjacency: csr_array | Num[ndarray, "n_items n_items"], /) -> SimilarityGraph:
    """Nearest-neighbour graph (Alg. 4): F = I and M the adjacency, made symmetric by taking the larger weight."""
    adjacency = csr_array(adjacency, dtype=np.float64)
    return SimilarityGraph(eye_array(adjacency.shape[0]), adjacency.maximum(adjacency.T))


def from_targets(targets: Float[ndarray, "n_items q"], /) -> SimilarityGraph:
    """Regression graph, G_ij = ⟨y_i, y_j⟩ with F the targets and M = I.

    The paper prints −y_iᵀ y_j (appendix B.2.1); matching Z Zᵀ to G needs the plus sign.
    """
    targets = np.asarray(targets, dtype=np.float64)
    if targets.ndim == 1:
        targets = targets[:, None]
    return SimilarityGraph(csr_array(targets), eye_array(targets.shape[1]))


def from_multilabel(multi_hot: Num[ndarray, "n_items n_classes"], /, *, normalize: bool = True) -> SimilarityGraph:
    """Multi-label graph: the number of shared labels, or with ``normalize`` their cosine; F multi-hot, M = I."""
    membership = csr_array(np.asarray(multi_hot, dtype=np.float64))
    if normalize:
        norm = np.sqrt(membership.power(2).sum(axis=1))
        scale = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0)
        membership = diags_array(scale) @ membership
    return SimilarityGraph(membership, eye_array(membership.shape[1]))


def from_outputs(
    outputs: Integer[ndarray, " n_items"], loss: Float[ndarray, "n_outputs n_outputs"], /
) -> SimilarityGraph:
    """Graph of a general loss over discrete outputs (eq. 12): F = Y, M = −(ℓ(y, z)).

    Parameters
    ----------
    outputs
        Output of each item, 0..n_outputs − 1, or −1 for unknown.
    loss
        ℓ(y, z), symmetric; for rankings see :func:`kendall_loss`.

    Raises
    ------
    InvalidInputError
        If an output is out of range or ``loss`` isn't symmetric.
    """
    outputs, loss = np.asarray(outputs), np.asarray(loss, dtype=np.float64)
    if outputs.min(initial=0) < -1 or outputs.max(initial=-1) >= len(loss):
        raise InvalidInputError(
            f"outputs must lie in -1..{len(loss) - 1}, got {outputs.min()}..{outputs.max()}; "
            "give the loss a row for each output"
        )
    item = np.flatnonzero(outputs >= 0)
    return SimilarityGraph(_one_hot(item, outputs[item], (len(outputs), len(loss))), csr_array(-loss))


def kendall_loss(rankings: Int[ndarray, "n_outputs m"], /) -> Float[ndarray, "n_outputs n_outputs"]:
    """Kendall distance between rankings: the share of the m(m − 1)/2 pairs that two rankings order differently.

    ``rankings[c, a]`` is the rank of object a in output c. −ℓ + ½ is half of Kendall's τ.
    """
    rankings = np.asarray(rankings)
    a, b = np.triu_indices(rankings.shape[1], 1)
    if not len(a):
        raise InvalidInputError(
            f"rankings must order at least 2 objects, got {rankings.shape[1]}; give one column for each object"
        )
    order = np.sign(rankings[:, a] - rankings[:, b]).astype(np.float64)
    return 0.5 - order @ order.T / (2 * len(a))


def _alone(items: Int[ndarray, " u"], n_items: int) -> SimilarityGraph:
    """Self-loops on some items: a group for each."""
    return SimilarityGraph(_one_hot(items, np.arange(len(items)), (n_items, len(items))), eye_array(len(items)))


def _one_hot(row: ndarray, column: ndarray, shape: tuple[int, int]) -> csr_array:
    return csr_array((np.ones(len(row)), (row, column)), shape=shape)
