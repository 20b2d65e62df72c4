"""Measures endless zooms: see bench/endless/main.py, or `--help`."""

import sys

from bench.endless.main import main

if __name__ == "__main__":
    sys.exit(main())
