"""Front ends: waveform -> features, as torch modules that export to ONNX.

Adding one is one file here and one line in `FRONT_ENDS`. A front end's `scale` says what its
numbers mean, which is how they are normalised (`train.models.normalise`):

    log       log(1 + a constant times power): none of the others holds
    db        a louder recording adds a constant
    cepstrum  a louder recording adds a constant to the first row
    share     in 0..1, whatever the loudness
"""

from typing import Any

from train.features.chroma import ChromaFrontEnd, ChromaOptions
from train.features.mel import MelFrontEnd, MelOptions
from train.features.mfcc import MfccFrontEnd, MfccOptions
from train.features.midi import MidiFrontEnd, MidiOptions
from train.features.raw import RawFrontEnd, RawOptions

FRONT_ENDS: dict[str, tuple[Any, Any]] = {
    "mel": (MelOptions, MelFrontEnd),
    "mfcc": (MfccOptions, MfccFrontEnd),
    "chroma": (ChromaOptions, ChromaFrontEnd),
    "midi": (MidiOptions, MidiFrontEnd),
    "raw": (RawOptions, RawFrontEnd),
}

__all__ = ["FRONT_ENDS", "MelFrontEnd", "MelOptions"]
