"""Everything outside the process: pictures and clips in, video out. Paths and bytes exist only here.

image      a picture file to (1, 3, H, W) and back
clip       what a clip really is; beside it clip_header, clip_scan, clip_times: how that is found
cuts       where a clip cuts to another shot
decode     a clip's frames as pictures; decode_filters: size, shape and colours on the way
masks      a picture or a clip that says where to dream
pixels     (1, 3, H, W) to the raw bytes that ffmpeg reads
codecs     how each codec is made: a table
files      files that appear whole or not at all
encode     frames to closed segment files; every command is data
hardware   encoders in hardware: names and options; trial: whether one works here
audio      the sound that goes under the finished pictures
join       segments and a soundtrack to one finished file
probe      what a video file says, parsed from what ffmpeg prints
metadata   the config inside a video, or beside it
ffmpeg     find it, run it, always read its exit code
"""
