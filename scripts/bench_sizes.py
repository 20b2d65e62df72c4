"""Measures whether a film is the same at every size: see bench/sizes/main.py, or `--help`."""

import sys

from bench.sizes.main import main

if __name__ == "__main__":
    sys.exit(main())
