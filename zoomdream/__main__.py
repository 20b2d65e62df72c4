"""`python -m zoomdream` is the command `zoomdream`."""

from __future__ import annotations

import sys

from zoomdream.cli import main

if __name__ == "__main__":
    sys.exit(main())
