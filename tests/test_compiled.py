"""Kernels run where numba finds no folder for compiled code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# For a function of no file numba looks for a folder in vain, as for one of a read-only package without a home.
SCRIPT = """
from stbench.compiled import njit
source = "def double(x): return 2 * x\\ndef half(x): return x / 2"
names = {}
exec(compile(source, "nowhere.py", "exec"), names)
double, half = (njit(cache=True, nogil=True)(names[name]) for name in ("double", "half"))
print(double(21), half(21), double.targetoptions["nogil"])
"""


def test_without_a_folder_for_its_cache_a_kernel_is_compiled_with_one_note(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert done.stdout == "42 10.5 True\n", done.stderr
    assert done.stderr.count("\n") == 1
    assert "set NUMBA_CACHE_DIR to a folder" in done.stderr


@pytest.mark.parametrize("room", ["stbench", "generators", "baselines"])
def test_no_kernel_asks_numba_past_it(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        if path == ROOT / "stbench" / "compiled.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert "numba" not in names, f"{path}:{node.lineno} imports numba: use stbench.compiled"
