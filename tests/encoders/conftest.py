"""Hide a torchvision that doesn't fit torch, before transformers looks for it: models here need none."""

import importlib.util
from contextlib import suppress


def _hide_broken_torchvision():
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError:
        real = importlib.util.find_spec
        with suppress(ImportError):
            from transformers.utils import import_utils

            importlib.util.find_spec = lambda name, *rest: None if name == "torchvision" else real(name, *rest)
            try:
                import_utils.is_torchvision_available.cache_clear()
                import_utils.is_torchvision_available()
            finally:
                importlib.util.find_spec = real


_hide_broken_torchvision()
