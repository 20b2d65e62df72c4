"""Compares the embedded network with its teacher: see dreamnet/evaluate.py, or `--help`."""

from dreamnet.evaluate import main

if __name__ == "__main__":
    main()
