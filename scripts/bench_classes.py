"""Measures pictures of classes: see bench/classes/main.py, or `--help`."""

import sys

from bench.classes.main import main

if __name__ == "__main__":
    sys.exit(main())
