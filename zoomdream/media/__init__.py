"""Everything outside the process: pictures in, video out. Paths and bytes exist only here.

image      a picture file to (1, 3, H, W) and back
pixels     (1, 3, H, W) to the raw bytes that ffmpeg reads
codecs     how each codec is made: a table
files      files that appear whole or not at all
encode     frames to closed segment files; every command is data
audio      the sound that goes under the finished pictures
join       segments and a soundtrack to one finished file
probe      what a video file says, parsed from what ffmpeg prints
metadata   the config inside a video, or beside it
ffmpeg     find it, run it, always read its exit code
"""
