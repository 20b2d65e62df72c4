"""What changes over the time of a film, as a picture or a page, or as text for a terminal.

panels   which curves there are, and what is marked in time
text     them in characters
song     what schedules may ask of music, in panels
drawing  them as lines, dots and words: SVG, PNG, HTML
"""
