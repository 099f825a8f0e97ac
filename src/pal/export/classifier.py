"""A classifier in one file without pickle: features → kernel features → embedding → linear probe.

Definition. For raw features x of a new item, with what the file holds:

    y = (x − mean) components,  φ = k(y, landmarks) projection,  z = φ weights,  scores = [z, 1] probe.

The embedding is the closed form for the believed graph (:func:`pal.builders.from_beliefs`), with a dimension more than
classes, and the probe is fitted by least squares to the label of every item: told, deduced or predicted.
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy import ndarray

from pal.builders import from_beliefs
from pal.encoders.reduction import Reduction
from pal.errors import InvalidInputError, StoreError, require_extra
from pal.kernels import KernelFeatures, KernelName
from pal.probe import fit_probe
from pal.project.snapshot import Snapshot

VERSION = 1
_TENSORS = ("mean", "components", "landmarks", "projection", "weights", "probe")


@dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier of raw features (see the module).

    Parameters
    ----------
    reduction
        mean (d,) and components (d, k).
    features
        Kernel, bandwidth, landmarks (p, k) and projection (p, m).
    weights
        (m, K).
    probe
        (K + 1, C), the last row for the constant.
    classes
        Names of the C classes.
    encoder
        Name of the encoder that makes the raw features; "vectors" if they came with the source.
    position
        Position of the log.
    """

    reduction: Reduction
    features: KernelFeatures
    weights: Float32[ndarray, "m k"]
    probe: Float32[ndarray, "k1 c"]
    classes: tuple[str, ...]
    encoder: str
    position: int

    def embed_reduced(self, y: Float[ndarray, "n k"], /) -> Float[ndarray, "n z"]:
        """Embedding of reduced features."""
        return self.features(y) @ self.weights

    def embed(self, x: Float[ndarray, "n d"], /) -> Float[ndarray, "n z"]:
        """Embedding of raw features.

        Raises
        ------
        InvalidInputError
            If they have another number of columns than those the classifier was made of.
        """
        if x.ndim != 2 or x.shape[1] != len(self.reduction.mean):
            raise InvalidInputError(
                f"the classifier takes {len(self.reduction.mean)} numbers an item, got an array of shape {x.shape}; "
                f"encode the items with {self.encoder}"
            )
        return self.embed_reduced(self.reduction(x))

    def predict(self, x: Float[ndarray, "n d"], /) -> tuple[Int64[ndarray, " n"], Float[ndarray, " n"]]:
        """Class of each item, and its share of the positive scores (a rank of doubt, not a calibrated probability)."""
        z = self.embed(x)
        scores = np.maximum(z @ self.probe[:-1] + self.probe[-1], 0.0)
        total = scores.sum(axis=1)
        share = np.divide(scores.max(axis=1), total, out=np.zeros(len(x)), where=total > 0)
        return scores.argmax(axis=1).astype(np.int64), share

    def save(self, path: Path, /) -> Path:
        """Write as safetensors, with the rest as JSON in its header."""
        try:
            from safetensors.numpy import save
        except ImportError:
            raise require_extra("safetensors", "annotate") from None
        values = (
            self.reduction.mean,
            self.reduction.components,
            self.features.landmarks,
            self.features.projection,
            self.weights,
            self.probe,
        )
        tensors = {n: np.ascontiguousarray(v, dtype=np.float32) for n, v in zip(_TENSORS, values, strict=True)}
        about = {
            "version": VERSION,
            "classes": self.classes,
            "encoder": self.encoder,
            "kernel": self.features.name,
            "bandwidth": self.features.bandwidth,
            "position": self.position,
        }
        # Its own ``save_file`` makes files that only their owner may read.
        path.write_bytes(save(tensors, metadata={"pal": json.dumps(about)}))
        return path


def load_classifier(path: Path, /) -> Classifier:
    """Read a classifier back; nothing in the file is executed.

    Raises
    ------
    InvalidInputError
        If there is no such file, or it is no classifier of this version.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise require_extra("safetensors", "annotate") from None
    if not path.is_file():
        raise InvalidInputError(f"no such file: {path}; give the classifier.safetensors of an export")
    try:
        with safe_open(path, framework="numpy") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {}).get("pal", "{}"))
            if about.get("version") != VERSION:
                raise InvalidInputError(f"{path} is no classifier of PAL in version {VERSION}; export it again")
            mean, components, landmarks, projection, weights, probe = (file.get_tensor(name) for name in _TENSORS)
    except (SafetensorError, ValueError) as error:
        raise InvalidInputError(f"can't read {path} as a classifier: {error}") from None
    kernel: KernelName = about["kernel"]
    features = KernelFeatures(kernel, float(about["bandwidth"]), landmarks, projection)
    classes = tuple(about["classes"])
    return Classifier(
        Reduction(mean, components), features, weights, probe, classes, about["encoder"], about["position"]
    )


def fit_classifier(
    now: Snapshot, labels: Int64[ndarray, " n"], classes: Sequence[str], /, *, encoder: str
) -> Classifier | None:
    """Classifier of a project at one position, for one class an item (−1 unknown); None while there is none.

    Raises
    ------
    StoreError
        If the model's features have no landmarks (a linear kernel), which the file can't hold.
    """
    published = now.published
    if published.prepared is None or published.reduction is None or not (labels >= 0).any():
        return None
    beliefs = published.model.beliefs
    embedder = copy.copy(published.prepared.embedder)  # the trainer goes on with its own
    embedder.n_components = min(len(beliefs.anchor) + 1, embedder.rank_)
    graphed = published.prepared.rows  # of very many items, representatives
    embedder.update(from_beliefs(beliefs.probability[published.rows[graphed]]))
    features = embedder.feature_map_
    if not isinstance(features, KernelFeatures):
        raise StoreError(f"expected kernel features with landmarks, got {type(features).__name__}")
    of_all = embedder.embedding_ if len(graphed) == len(published.x) else embedder.transform(published.x)
    probe = fit_probe(of_all, labels[published.rows], intercept=True)
    return Classifier(
        published.reduction,
        features,
        embedder.weights_.astype(np.float32),
        probe.astype(np.float32),
        tuple(classes[: probe.shape[1]]),
        encoder,
        now.position,
    )
