"""`zoomdream schema`: the JSON Schema of the YAML."""

from __future__ import annotations

import argparse
import json

from zoomdream.config import json_schema


def run(arguments: argparse.Namespace) -> int:
    """Print the schema on stdout."""
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0
