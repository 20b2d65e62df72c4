"""A config to a finished file, over any number of interruptions.

loop       the render: dream, record, publish
job        a render as plain values; plan: what is `auto`, decided; memory_budget: how large tiles may be
owner      whose the output is, and what an earlier start has left
workspace  the locked folder of a running render; lock: one render at a time; run: run.json
recording  finished segments and the state after them (state_file)
recorder   writes them in the background; readback: a frame's way there from its device
publish    the finished file, moved into its place
observer   what watches: progress, messages, pictures; eta: when it will be finished
"""

from zoomdream.rendering.job import Job, make_job
from zoomdream.rendering.loop import render, render_frames
from zoomdream.rendering.observer import Observer, Observers, Picture, Progress, in_place

__all__ = ["Job", "Observer", "Observers", "Picture", "Progress", "in_place", "make_job", "render", "render_frames"]
