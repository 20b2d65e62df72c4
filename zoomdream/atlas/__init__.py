"""A page that shows what a network has to dream with: a picture for each layer, or for each channel of one.

subjects   which pictures
pictures   how they are made
page       the page itself, from texts and pictures
"""
