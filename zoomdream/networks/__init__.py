"""The networks that are dreamed with, as plain modules; `autodiff` traces them and makes them fast.

catalog          the names, where weights come from, opening a network, finding a layer; classes: finding a class
dreamnet         the small network inside the package; dreamnet_file: the file of its weights
googlenet        BVLC's, the Places' and Inception5h; googlenet_layers: their widths, tensors and layers on paper
torchvision_zoo  torchvision's classifiers; torchvision_names: what people call their layers
custom           a network of the user's own code
weights/         addresses, downloading, and reading weights files safely, in every layout that people have

Every network satisfies `zoomdream.types.Network`. Its classes are the layer `logits`, (1, classes).
"""
