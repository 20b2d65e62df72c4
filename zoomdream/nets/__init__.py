"""The networks that are dreamed with.

catalog    the names, where weights come from, opening a network, finding a layer
dreamnet   the small network inside the package
googlenet  the BVLC GoogLeNet (googlenet_layers: its widths, tensors and layer names)
weights    reading weights files safely

Every network satisfies `zoomdream.types.Network`.
"""
