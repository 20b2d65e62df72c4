"""Measures loops: see bench/loops/main.py, or `--help`."""

import sys

from bench.loops.main import main

if __name__ == "__main__":
    sys.exit(main())
