"""From measures of a song to curves from 0 to 1 that a picture can follow."""

from __future__ import annotations

import math

import numpy as np

from zoomdream.music.spectrum import ROWS_PER_SECOND, Curve

_SILENT = 1e-3  # amplitude: 60 dB below full scale; what never gets above it is silence
_FAINT = 1 / 32  # of the song's loudness: a band that never gets above it is not heard


def normalized(curve: Curve, floor: float = _SILENT) -> Curve:
    """The curve from 0 at its quietest twentieth to 1 at the loudest twentieth of its seconds, cut off beyond.

    Peaks are counted by seconds and not by rows, for a click that is heard for 10 ms of each second is loud all the
    same. What never gets above `floor` stays as far below 1; silence is exactly 0. A sound that never changes is 1.
    """
    if len(curve) == 0:
        return curve
    whole = -(-len(curve) // ROWS_PER_SECOND) * ROWS_PER_SECOND
    peaks = np.pad(curve, (0, whole - len(curve))).reshape(-1, ROWS_PER_SECOND).max(1)
    top = max(float(np.percentile(peaks, 95)), floor)
    bottom = min(float(np.percentile(curve, 5)), top / 2)
    found: Curve = ((curve - bottom) / (top - bottom)).clip(0, 1).astype(np.float32)
    return found


def audible(loud: Curve) -> float:
    """The amplitude below which a band of a song does not count, from its loudness."""
    peaks = float(np.percentile(loud, 95)) if len(loud) else 0.0
    return max(_SILENT, _FAINT * peaks)


def enveloped(curve: Curve, attack: float, release: float) -> Curve:
    """The curve with slopes: each peak is reached in time and keeps its height, rises before and falls after it.

    attack, release: seconds in which a slope changes by a factor of e; 0 leaves that side alone. A follower that only
    looks back would reach a peak late, and a short one never.
    """
    rising = _decaying(curve[::-1], attack)[::-1]
    return _decaying(rising, release)


def _decaying(curve: Curve, seconds: float) -> Curve:
    """The largest of all earlier values, each faded by the time since."""
    if seconds <= 0 or len(curve) == 0:
        return curve
    found = curve.copy()
    step = 1
    longest = math.ceil(17 * seconds * ROWS_PER_SECOND)  # e**-17 is nothing in float32
    while step <= min(longest, len(curve) - 1):  # doubling: after each round a value has seen twice as much of the past
        fade = math.exp(-step / (seconds * ROWS_PER_SECOND))
        found[step:] = np.maximum(found[step:], found[:-step] * np.float32(fade))
        step *= 2
    return found
