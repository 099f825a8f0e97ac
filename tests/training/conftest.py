import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")
pytest.importorskip("kornia")

import torch

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def blobs():
    """60 vectors of three classes that overlap a little, and their classes."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    centres = 2.0 * rng.standard_normal((3, 8))
    return (centres[labels] + rng.standard_normal((60, 8))).astype(np.float32), labels


@pytest.fixture
def pictures():
    """24 grey pictures, 8 × 8, of two classes: a bright left or right half, with noise."""
    rng = np.random.default_rng(1)
    labels = np.arange(24) % 2
    x = rng.integers(0, 120, (24, 8, 8))
    x[labels == 0, :, :4] += 100
    x[labels == 1, :, 4:] += 100
    return x.astype(np.uint8), labels
