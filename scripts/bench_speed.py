"""Measures speed and memory: see bench/speed/main.py, or `--help`."""

import sys

from bench.speed.main import main

if __name__ == "__main__":
    sys.exit(main())
