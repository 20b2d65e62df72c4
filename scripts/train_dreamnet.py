"""Trains the embedded network: see dreamnet/train.py, or `--help`."""

from dreamnet.train import main

if __name__ == "__main__":
    main()
