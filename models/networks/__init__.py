"""The network families, from KerasHub backbones."""
