"""Front ends: waveform -> features, as torch modules that export to ONNX.

Adding one is one file here and one line in `FRONT_ENDS`.
"""

from train.features.mel import MelFrontEnd, MelOptions

FRONT_ENDS = {"mel": (MelOptions, MelFrontEnd)}

__all__ = ["FRONT_ENDS", "MelFrontEnd", "MelOptions"]
