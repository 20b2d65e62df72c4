"""Measures batches: see bench/batch/main.py, or `--help`."""

import sys

from bench.batch.main import main

if __name__ == "__main__":
    sys.exit(main())
