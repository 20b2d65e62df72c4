"""Measures which files are read right: see bench/files/main.py, or `--help`."""

import sys

from bench.files.main import main

if __name__ == "__main__":
    sys.exit(main())
