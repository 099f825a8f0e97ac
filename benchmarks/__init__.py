"""Speed, memory and label efficiency, each beside a named rival in one run: ``python -m benchmarks NAME --out DIR``."""
