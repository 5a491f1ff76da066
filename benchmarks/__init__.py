"""Benchmarks: how fast, how good, how large. `python -m benchmarks` measures everything and draws the figure."""

import os

# Before torch is loaded: a setting for shared machines that keeps threads from waiting for each other would be measured.
os.environ.pop("OMP_WAIT_POLICY", None)
