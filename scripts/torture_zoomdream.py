"""Tries to break zoomdream: see torture/main.py, or `--help`."""

import sys

from torture.main import main

if __name__ == "__main__":
    sys.exit(main())
