"""The fuzz of stores uses the toy dataset of the tests of the store, too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
