"""The music of a render as functions of time, which schedules call.

listen     from a config to its signals: which song, what is asked of it, the cache
spectrum   a song as power over time and frequency, its onsets and its chroma
curves     from measures to curves from 0 to 1: normalising, attack and release
beats      where the beats are: found, a grid, or a file; counting them
structure  drums, tones and sections, by librosa
series     the user's own tables
signals    the value that schedules ask
"""
