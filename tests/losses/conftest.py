"""Tests of the losses need torch; without it they are skipped."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # loss_references.py and loss_graphs.py
pytest.importorskip("torch")
