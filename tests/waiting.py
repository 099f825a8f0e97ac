"""Waiting for what other threads, processes and servers do."""

import time

PATIENCE = 300.0
"""Seconds until a wait is taken for a hang; a busy machine may need many of them."""


def wait_until(true):
    """Wait until ``true()`` is."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"it never came to that within {PATIENCE:.0f} s")
        time.sleep(0.02)
