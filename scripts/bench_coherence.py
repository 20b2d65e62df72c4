"""Measures how dreams stick to what moves: see bench/coherence/main.py, or `--help`."""

import sys

from bench.coherence.main import main

if __name__ == "__main__":
    sys.exit(main())
