# SPDX-License-Identifier: Apache-2.0
"""All tests of the double that need nothing but Python: `/usr/bin/python3 -B test_sidecar.py`."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
MODULES = [p.stem for p in sorted(HERE.glob("test_*.py")) if p.stem != "test_sidecar"]


def load_tests(loader: unittest.TestLoader, tests: unittest.TestSuite, _pattern) -> unittest.TestSuite:
    tests.addTests(loader.loadTestsFromNames(MODULES))
    return tests


if __name__ == "__main__":
    unittest.main()
