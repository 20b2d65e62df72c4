"""Where the beats of a song are: its tempo over time from the rhythm of its onsets, then the best row of beats.

Ellis, "Beat Tracking by Dynamic Programming" (2007), with a tempo that may change: the period of each second is the
best path through the autocorrelation of the onsets around it. Nothing here knows music: half or double the tempo fits
the onsets as well, and only a preference for about 120 beats a minute decides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoomdream.music.grid import Grid, barred
from zoomdream.music.spectrum import ROWS_PER_SECOND, Curve

Numbers = NDArray[np.float64]

_SLOWEST, _FASTEST = 40, 240  # beats per minute
_USUAL, _SPREAD = 120, 0.9  # the preferred tempo, and octaves in which the preference falls to 0.6
_SEEN = 8  # seconds of which each tempo is found
_STIFF = 300.0  # how much a beat is punished that is not one period after the last, in standard deviations of onsets
_CHANGE = 4.0  # how much a change of the tempo is punished, for an octave in a second
_STRONG = 0.15  # of the usual strength of beats: weaker ones at the ends are not there


def find_beats(flux: Curve, chroma: Curve) -> Grid:
    """The beats of a song from its onsets, none where nothing sets in; bars of four from where its harmony changes."""
    if len(flux) < ROWS_PER_SECOND or float(flux.max()) < 0.05:
        return Grid((), (), 120.0, 0.0)
    onsets = _smoothed(flux)
    periods, certainty = _periods(onsets)
    beats = _track(onsets, periods)
    times = _steadied(_refined(onsets, beats))
    if len(times) < 2:
        return Grid((), (), 120.0, 0.0)
    first = _first_of_bar(times, chroma)
    return barred([float(time) for time in times], certainty=certainty, bars=[float(time) for time in times[first::4]])


def _first_of_bar(times: Numbers, chroma: Curve) -> int:
    """Which of the first four beats begins a bar: where pitches change most, all bars together."""
    rows = (times * ROWS_PER_SECOND).round().astype(int).clip(0, len(chroma) - 1)
    sums = np.concatenate([np.zeros((1, 12)), np.sqrt(chroma).cumsum(0, dtype=float)])
    rows = np.concatenate([[0], rows, [len(chroma)]])
    parts = np.diff(sums[rows], axis=0) / np.maximum(np.diff(rows), 1)[:, None]
    changes = np.abs(np.diff(parts / np.maximum(parts.sum(1, keepdims=True), 1e-3), axis=0)).sum(1)
    changes[0] = 0  # where the song begins all is new
    totals = [float(changes[phase::4].mean()) if len(changes) > 4 else 0.0 for phase in range(4)]
    return int(np.argmax(totals)) if max(totals) > 1.3 * float(np.mean(totals)) else 0


def _smoothed(flux: Curve) -> Numbers:
    """Onsets, each as strong as those around it, 20 ms wide, in standard deviations."""
    onsets = np.convolve(flux.astype(float), [0.25, 0.5, 1, 0.5, 0.25], mode="same")
    width = min(4 * ROWS_PER_SECOND, len(onsets))
    around = np.convolve(onsets, np.ones(width) / width, mode="same")
    onsets = np.maximum(onsets - around, 0) / np.maximum(around, 0.05 * onsets.max())
    found: Numbers = onsets / onsets.std()
    return found


def _periods(onsets: Numbers) -> tuple[Numbers, float]:
    """Rows from beat to beat at every row, and how sure that is, 0 to 1."""
    lags = np.arange(60 * ROWS_PER_SECOND // _FASTEST, 60 * ROWS_PER_SECOND // _SLOWEST + 1)
    fine = np.geomspace(lags[0], lags[-1], 400)
    size = _SEEN * ROWS_PER_SECOND
    padded = np.pad(onsets, size // 2)
    spots = range(0, len(onsets), ROWS_PER_SECOND)
    likeness = np.stack([_likeness(padded[spot : spot + size], lags) for spot in spots])
    preferred = np.exp(-0.5 * (np.log2(60 * ROWS_PER_SECOND / fine / _USUAL) / _SPREAD) ** 2)
    scores = np.stack([np.interp(fine, lags, row) for row in likeness]) * preferred
    path = _best_path(scores * 4, np.log2(fine))
    certainty = float(np.mean([np.interp(fine[at], lags, row) for at, row in zip(path, likeness, strict=True)]))
    return np.interp(np.arange(len(onsets)), spots, fine[path]), min(max(certainty, 0.0), 1.0)


def _likeness(piece: Numbers, lags: NDArray[np.int64]) -> Numbers:
    """How like itself a piece is after each lag, 0 to 1, counting also the double lag a little."""
    spectrum = np.fft.rfft(piece, 2 * len(piece))
    found = np.fft.irfft(np.abs(spectrum) ** 2)[: len(piece)]
    found = found / np.maximum(1 - np.arange(len(piece)) / len(piece), 0.25) / max(found[0], 1e-9)
    smooth = np.maximum(np.maximum(found, np.roll(found, 1)), np.roll(found, -1))
    result: Numbers = 0.7 * found[lags] + 0.3 * smooth[np.minimum(2 * lags, len(piece) - 1)]
    return result


def _best_path(scores: Numbers, heights: Numbers) -> NDArray[np.int64]:
    """For each row of scores a column, so that scores are high and changes small (Viterbi)."""
    cost = _CHANGE * np.abs(heights[:, None] - heights)
    total, came = scores[0], []
    for row in scores[1:]:
        reached = total - cost
        came.append(reached.argmax(1))
        total = reached.max(1) + row
    path = [int(total.argmax())]
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1])


def _track(onsets: Numbers, periods: Numbers) -> list[int]:
    """The rows of the beats."""
    total, came = onsets.copy(), np.full(len(onsets), -1)
    for row in range(len(onsets)):
        period = periods[row]
        first, last = row - round(2 * period), row - round(period / 2)
        if last < 0:
            continue
        earlier = np.arange(max(first, 0), last + 1)
        scores = total[earlier] - _STIFF * np.log((row - earlier) / period) ** 2
        best = int(scores.argmax())
        if scores[best] > 0 or row > 3 * period:
            total[row] += scores[best]
            came[row] = earlier[best]
    tail = max(0, len(onsets) - 2 * round(periods[-1]))
    row = tail + int(total[tail:].argmax())
    found = []
    while row >= 0:
        found.append(row)
        row = int(came[row])
    return _trimmed(onsets, found[::-1])


def _trimmed(onsets: Numbers, beats: list[int]) -> list[int]:
    """Without those at the ends where nothing sets in."""
    strength = np.array([onsets[max(beat - 3, 0) : beat + 4].max() for beat in beats])
    if not strength.any():
        return []
    strong = np.flatnonzero(strength > _STRONG * np.median(strength[strength > 0]))
    return beats[strong[0] : strong[-1] + 1]


def _refined(onsets: Numbers, beats: list[int]) -> Numbers:
    """Their times in seconds: each at the top of the parabola through its onset."""
    rows = np.array(beats, int).clip(1, len(onsets) - 2)
    before, at, after = onsets[rows - 1], onsets[rows], onsets[rows + 1]
    curved = before - 2 * at + after
    aside = np.where(curved < -1e-9, (before - after) / (2 * np.minimum(curved, -1e-9)), 0.0)
    found: Numbers = (rows + aside.clip(-0.5, 0.5)) / ROWS_PER_SECOND
    return found


def _steadied(times: Numbers, around: int = 8) -> Numbers:
    """Each moved onto the line through those around it, where they lie on one: a drummer's beats stay his."""
    numbers = np.arange(len(times))
    found = times.copy()
    for index in numbers:
        near = slice(max(0, index - around), index + around + 1)
        if len(times[near]) > 4:
            slope, start = np.polyfit(numbers[near], times[near], 1)
            if np.abs(times[near] - start - slope * numbers[near]).max() < 0.02:
                found[index] = start + slope * index
    return found
