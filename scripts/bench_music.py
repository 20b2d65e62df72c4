"""Measures how well schedules follow music: see bench/music/main.py, or `--help`."""

import sys

from bench.music.main import main

if __name__ == "__main__":
    sys.exit(main())
