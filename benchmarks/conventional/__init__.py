"""StyleGAN2 F as it is usually arranged in PyTorch: what the speed of ganzoo is measured against.

Frozen: written before ganzoo's own fast paths, and not to be tuned afterwards. It is the fastest
of the usual arrangements on a CPU, with nothing that takes more than torch itself: styles scale
the input of one shared convolution and the factors of demodulation its output (grouped
convolutions with weights of each sample's own are slower), the factors come from weights made for
each sample, resampling inserts zeros and filters with a depthwise convolution in NCHW, second
derivatives are autograd's own, and Adam and the average go tensor by tensor. Names in the state
dict are ganzoo's, so both can be given the same weights. ``tests/golden/test_conventional.py``
holds it to the published networks.
"""
