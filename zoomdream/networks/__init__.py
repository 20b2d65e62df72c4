"""The networks that are dreamed with.

catalog          the names, where weights come from, opening a network, finding a layer; classes: finding a class
dreamnet         the small network inside the package
googlenet        BVLC's, the Places' and Inception5h (googlenet_layers: on paper; googlenet_files: layouts of weights)
torchvision_zoo  torchvision's classifiers (tracing: their steps and layers; traced: running them; torchvision_names)
weights          reading weights files safely (caffemodel: Caffe's wire format); sources, download: getting them
custom           a network of the user's own code
flow_estimators  optical flow, for clips

Every network satisfies `zoomdream.types.Network`. Its classes are the layer `logits`, (1, classes).
"""
