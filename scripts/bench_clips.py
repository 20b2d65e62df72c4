"""Measures clips against their sources: see bench/clips/main.py, or `--help`."""

import sys

from bench.clips.main import main

if __name__ == "__main__":
    sys.exit(main())
