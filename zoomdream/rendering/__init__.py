"""A config to a finished file, over any number of interruptions.

loop       the render: dream, record, join
job        a render as plain values
forecast   how long it still takes
recorder   frames to segments, in threads of their own; handed: a frame on its way there
run        run.json: what a render was started with
state_file the state after a frame
workspace  the working folder: segments and the state after them
delivery   what is at the output's place, and how the finished file gets there
lock       one render at a time
"""

from zoomdream.rendering.job import Job, make_job
from zoomdream.rendering.loop import Progress, render, render_frames

__all__ = ["Job", "Progress", "make_job", "render", "render_frames"]
