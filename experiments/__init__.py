"""The paper's figures, one file each: ``python -m experiments fig3``; see docs/figures."""
