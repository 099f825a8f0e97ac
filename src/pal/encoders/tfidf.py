"""Texts as weighted counts of their words, reduced by a singular value decomposition: no model is needed.

Definition. t_w = (1 + log count of w) · idf_w, scaled to length 1; the features are t V, scaled to length 1, with V the
first singular directions of the texts it was fitted to (latent semantic analysis). Words and pairs of words count.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from scipy.sparse import csr_array

from pal.encoders.protocol import Takes
from pal.errors import InvalidInputError, StoreError, require_extra

PREFIX = "tfidf-"
SUFFIX = ".safetensors"

_FITTED, _TERMS, _COMPONENTS, _CHARACTERS = 20_000, 50_000, 128, 10_000
_VERSION = 1


@dataclass(frozen=True, eq=False)
class TfidfSvd:
    """Fitted encoder of texts, (b, k).

    Parameters
    ----------
    terms
        The w words and pairs of words that count.
    idf
        Weight of each, (w,).
    components
        V, (w, k).
    """

    terms: tuple[str, ...]
    idf: Float32[ndarray, " w"]
    components: Float32[ndarray, "w k"]

    takes: Takes = "texts"
    picture_size: int = 0

    @property
    def name(self) -> str:
        """The word "tfidf-" and a hash of what was fitted, so that features of another fit are kept apart."""
        found = hashlib.sha256("\n".join(self.terms).encode())
        found.update(self.idf.tobytes() + self.components.tobytes())
        return f"{PREFIX}{found.hexdigest()[:16]}"

    @property
    def n_features(self) -> int:
        """Columns of the features."""
        return int(self.components.shape[1])

    def __call__(self, texts: Sequence[str], /) -> Float32[ndarray, "b k"]:
        """Encode a batch."""
        from sklearn.feature_extraction.text import CountVectorizer

        vectorizer = CountVectorizer(**_WORDS, vocabulary=self.terms)
        counts = csr_array(vectorizer.transform([text[:_CHARACTERS] for text in texts]), dtype=np.float64)
        return _unit(np.asarray(_weighted(counts, self.idf) @ self.components)).astype(np.float32)

    def save(self, home: Path, /) -> Path:
        """Write ``home``/NAME.safetensors."""
        try:
            from safetensors.numpy import save_file
        except ImportError:
            raise require_extra("safetensors", "annotate") from None
        path = home / f"{self.name}{SUFFIX}"
        about = {"pal": json.dumps({"version": _VERSION, "terms": self.terms})}
        try:
            home.mkdir(parents=True, exist_ok=True)
            save_file({"idf": self.idf, "components": self.components}, path, metadata=about)
        except OSError as error:
            raise StoreError(f"can't write {path}: {error.strerror}; give another --project") from None
        return path


_WORDS = {"lowercase": True, "strip_accents": "unicode", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}


def fit_tfidf(texts: Sequence[str], /, *, seed: int = 0) -> TfidfSvd:
    """Fit to at most 20,000 of the texts, drawn with ``seed``; about as many a second as 5,000 over their pages.

    Raises
    ------
    InvalidInputError
        If there is no word in any of them.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import CountVectorizer

    rng = np.random.default_rng(seed)
    drawn = range(len(texts)) if len(texts) <= _FITTED else np.sort(rng.choice(len(texts), _FITTED, replace=False))
    sample = [texts[int(i)][:_CHARACTERS] for i in drawn]
    rarest = 2 if len(sample) > 50 else 1
    vectorizer = CountVectorizer(**_WORDS, max_features=_TERMS, min_df=rarest)
    try:
        counts = csr_array(vectorizer.fit_transform(sample), dtype=np.float64)
    except ValueError:
        raise InvalidInputError("expected texts with words that repeat, got none; use --encoder minilm") from None
    terms = tuple(vectorizer.get_feature_names_out().tolist())
    idf = np.log((1.0 + len(sample)) / (1.0 + np.bincount(counts.indices, minlength=len(terms)))) + 1.0
    k = min(_COMPONENTS, len(terms), len(sample))
    weighted = _weighted(counts, idf)
    if k < min(weighted.shape):
        components = TruncatedSVD(k, random_state=seed).fit(weighted).components_.T
    else:
        components = np.linalg.svd(weighted.toarray(), full_matrices=False)[2].T
    return TfidfSvd(terms, idf.astype(np.float32), np.ascontiguousarray(components, dtype=np.float32))


def load_tfidf(path: Path, /) -> TfidfSvd:
    """Read a fitted encoder back; nothing in the file is executed.

    Raises
    ------
    InvalidInputError
        If there is no such file, or it is none of this version.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise require_extra("safetensors", "annotate") from None
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {}).get("pal", "{}"))
            if about.get("version") != _VERSION:
                raise ValueError("of another version")
            return TfidfSvd(tuple(about["terms"]), file.get_tensor("idf"), file.get_tensor("components"))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"can't read the encoder {path}: {error}; start pal annotate with --encoder tfidf"
        ) from None


def _weighted(counts: csr_array, idf: ndarray) -> csr_array:
    """Tempered counts times idf, rows of length 1."""
    weighted = counts.copy()
    weighted.data = (1.0 + np.log(weighted.data)) * idf[weighted.indices]
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(weighted.indptr))
    return weighted


def _unit(x: ndarray) -> ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
