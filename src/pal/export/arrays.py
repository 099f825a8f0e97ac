"""The embedding as an array, with the id of each row."""

from pathlib import Path

import numpy as np

from pal.export.classifier import Classifier
from pal.items import Items
from pal.project.snapshot import Snapshot


def write_embeddings(items: Items, now: Snapshot, classifier: Classifier | None, out: Path, /) -> list[Path]:
    """Write embeddings.npy (n, K) and ids.txt, one id a line, in the same order.

    It is the classifier's embedding where there is one, so that new items can be put beside these.
    """
    embedding = now.published.model.embedding if classifier is None else classifier.embed_reduced(now.published.x)
    array, ids = out / "embeddings.npy", out / "ids.txt"
    np.save(array, embedding.astype(np.float32), allow_pickle=False)
    ids.write_text("".join(f"{item}\n" for item in items.id), encoding="ascii")
    return [array, ids]
