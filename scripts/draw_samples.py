"""Draws what the ready configs start from: configs/clip_sample.mp4, configs/landscape.jpg and configs/song_sample.ogg.

python scripts/draw_samples.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from synthetic import clip, landscape, song

if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "configs"
    print(clip.write(clip.SAMPLE, folder / "clip_sample.mp4"))
    print(landscape.write(folder / "landscape.jpg"))
    print(song.write(folder / "song_sample.ogg", song.sample(), "-c:a", "libvorbis", "-q:a", "1", "-bitexact"))
