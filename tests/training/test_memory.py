from types import SimpleNamespace

import pytest

from pal.builders import identity
from pal.encoders.networks import MLP
from pal.training import Settings, fit, memory, vector_views


@pytest.fixture
def told(monkeypatch):
    """What the C library is told."""
    calls = []
    library = SimpleNamespace(
        mallopt=lambda option, value: calls.append((option, value)), malloc_trim=lambda pad: calls.append(("trim", pad))
    )
    monkeypatch.setattr(memory, "sys", SimpleNamespace(platform="linux"))
    monkeypatch.setattr(memory, "ctypes", SimpleNamespace(CDLL=lambda _: library))
    return calls


def test_memory_is_kept_and_given_back_whatever_happens(told):
    def stopped():
        with memory.kept():
            assert told == [(-1, 2**31 - 1), (-4, 0)]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert told[2:] == [(-1, 128 * 1024), (-4, 65536), ("trim", 0)]


@pytest.mark.parametrize(("platform", "library"), [("win32", None), ("linux", SimpleNamespace())])
def test_without_glibc_nothing_is_done(monkeypatch, platform, library):
    monkeypatch.setattr(memory, "sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr(memory, "ctypes", SimpleNamespace(CDLL=lambda _: library))
    with memory.kept():
        pass


def test_training_keeps_its_memory(blobs, told):
    during = []
    views = vector_views()
    settings = Settings(epochs=1, batch_size=20, device="cpu", precision="32-true")
    network = MLP(8, hidden=(16,), n_features=6)
    fit(network, blobs[0], identity(60), views=lambda x: during.append(len(told)) or views(x), settings=settings)
    assert set(during) == {2}
    assert len(told) == 5
