"""Amounts of memory as people write them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

LEAST, MOST = 2**30, 2**44
MEMORY_ALLOWED = "an amount from 1 GiB to 16 TiB with its unit, such as 6 GiB, 6000 MB or 6G (which is 6 GiB)"
_UNITS = {"M": 20, "G": 30, "T": 40}
_AMOUNT = re.compile(r"(\d{1,8}(?:\.\d{1,6})?)\s?([MGT])(iB|B|)", re.IGNORECASE)


def parse_memory(value: Any) -> int:
    """Bytes, in whole MiB. Raises ValueError that says what is allowed."""
    match = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"Allowed: {MEMORY_ALLOWED}.")
    unit = _UNITS[match[2].upper()]
    one = 10 ** (unit // 10 * 3) if match[3].upper() == "B" else 2**unit
    amount = int(Decimal(match[1]) * one) >> 20 << 20
    if not LEAST <= amount <= MOST:
        raise ValueError(f"Allowed: {MEMORY_ALLOWED}.")
    return amount


def memory_text(amount: int) -> str:
    """The reverse, in the largest unit that keeps it whole."""
    return f"{amount >> 20} MiB" if amount % 2**30 else f"{amount >> 30} GiB"
