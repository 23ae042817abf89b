"""Importing this makes the tests' running engine importable: benchmarks of a whole engine share it."""

from __future__ import annotations

import sys

from _figures import ROOT

sys.path.insert(0, str(ROOT / "tests"))
