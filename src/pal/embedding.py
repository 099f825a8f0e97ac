"""GraphEmbedding: the closed form as a scikit-learn transformer."""

from typing import Any, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from pal import builders
from pal.errors import InvalidInputError
from pal.graph import SimilarityGraph
from pal.kernels import FeatureMap, KernelName, exact_features, median_distance, nystrom_features
from pal.spectral import top_eigenpairs, whiten


class GraphEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Embedding z = Wᵀφ(x) that fits a similarity graph, ‖Z Zᵀ − G‖² + 2 λ tr(Zᵀ K⁻¹ Z), in closed form.

    See :mod:`pal.spectral` for the equations. With n items, m features and r linked groups, ``fit`` is O(n m²),
    ``update`` O(m³ + m² (r + touched items)); no n × n matrix is formed once n exceeds ``n_landmarks``.

    Parameters
    ----------
    n_components
        K, dimensions of the embedding; the paper uses C + 1 for C classes.
    kernel
        "laplacian" (the paper's), "gaussian" or "linear".
    bandwidth
        σ of the kernel; None takes the median distance between items.
    regularization
        λ.
    n_landmarks
        Nyström landmarks, drawn at random; with no more items than that, features are exact.
    random_state
        Seed of the landmarks and of the median distance.

    Attributes
    ----------
    embedding_
        Z of the items it was fitted on, (n, K).
    eigenvalues_
        Top eigenvalues of G − λ K⁻¹, (K,), largest first; negative ones give null components.
    bandwidth_
        The bandwidth used.
    feature_map_
        φ, from items to kernel features (:mod:`pal.kernels`).
    rank_
        Rank of the features, the largest possible n_components.
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        kernel: KernelName = "laplacian",
        bandwidth: float | None = None,
        regularization: float = 1e-3,
        n_landmarks: int = 512,
        random_state: int | None = 0,
    ) -> None:
        self.n_components = n_components
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.regularization = regularization
        self.n_landmarks = n_landmarks
        self.random_state = random_state

    def fit(self, x: Float[ndarray, "n d"], y: object = None, *, graph: SimilarityGraph | None = None) -> Self:
        """Fit to items ``x`` (n, d) and a graph, or to ``y``: labels (−1 unknown), continuous targets, or a graph.

        With neither, G = I: kernel PCA without centring.
        """
        x = validate_data(self, x, dtype=(np.float64, np.float32))
        graph = _graph_of(y, len(x)) if graph is None else graph
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        self.bandwidth_ = median_distance(x, rng=rng) if self.bandwidth is None else float(self.bandwidth)
        self.feature_map_ = self._feature_map(x, rng)
        features = self.feature_map_(x)
        self._whitening = whiten((features.T @ features).astype(np.float64))
        self.rank_ = len(self._whitening.spectrum)
        # Orthonormal basis of the features: with it, a new graph needs no pass over the others.
        self._basis = features @ self._whitening.weights.astype(features.dtype)
        return self.update(graph)

    def update(self, graph: SimilarityGraph) -> Self:
        """Refit to another graph over the same items, with the factorisation of :meth:`fit`."""
        check_is_fitted(self, "_basis")
        if graph.n_items != len(self._basis):
            raise InvalidInputError(
                f"expected a graph over the {len(self._basis)} items of fit, got {graph.n_items}; "
                "fit again for new items"
            )
        values, vectors = top_eigenpairs(
            _project(graph, self._basis),
            self._whitening.spectrum,
            n_components=self.n_components,
            regularization=self.regularization,
        )
        scaled = vectors * np.sqrt(np.maximum(values, 0.0))
        self.eigenvalues_ = values
        self.weights_ = self._whitening.weights @ scaled
        self.embedding_ = self._basis @ scaled.astype(self._basis.dtype)
        return self

    def transform(self, x: Float[ndarray, "p d"]) -> Float[ndarray, "p k"]:
        """Embed any items, f(x) = φ(x) W, (p, n_components)."""
        check_is_fitted(self, "weights_")
        x = validate_data(self, x, dtype=(np.float64, np.float32), reset=False)
        return self.feature_map_(x) @ self.weights_

    def fit_transform(self, x: Float[ndarray, "n d"], y: object = None, **fit_params: Any) -> Float[ndarray, "n k"]:
        """Fit, and return the embedding of the fitted items."""
        return self.fit(x, y, **fit_params).embedding_

    @property
    def _n_features_out(self) -> int:
        return int(self.weights_.shape[1])

    def _feature_map(self, x: ndarray, rng: np.random.Generator) -> FeatureMap:
        if len(x) <= self.n_landmarks or self.kernel == "linear":
            return exact_features(x, name=self.kernel, bandwidth=self.bandwidth_)
        landmarks = x[np.sort(rng.choice(len(x), self.n_landmarks, replace=False))]
        return nystrom_features(landmarks, name=self.kernel, bandwidth=self.bandwidth_)


def _project(graph: SimilarityGraph, basis: Float[ndarray, "n rank"]) -> Float[ndarray, "rank rank"]:
    """QᵀGQ for an orthonormal basis Q, touching only the items whose self-loop isn't the common one."""
    diagonal, linked = graph.split_diagonal()
    values, counts = np.unique(diagonal, return_counts=True)
    common = values[counts.argmax()]
    odd = np.flatnonzero(diagonal != common)
    rows = basis[odd].astype(np.float64)
    projected = rows.T @ ((diagonal[odd] - common)[:, None] * rows)
    projected[np.diag_indices(len(projected))] += common
    groups = np.asarray(linked.membership.T @ basis)
    return projected + groups.T @ (linked.relation @ groups)


def _graph_of(y: object, n_items: int) -> SimilarityGraph:
    if y is None:
        return builders.identity(n_items)
    if isinstance(y, SimilarityGraph):
        return y
    labels = np.asarray(y)
    if labels.shape[:1] != (n_items,):
        raise InvalidInputError(f"y must have one entry for each of {n_items} items, got shape {labels.shape}")
    if labels.dtype.kind == "f" and (labels.ndim > 1 or (labels != np.round(labels)).any()):
        return builders.from_targets(labels)
    if labels.dtype.kind not in "iubf":
        _, labels = np.unique(labels, return_inverse=True)
    return builders.from_labels(labels.astype(np.int64))
