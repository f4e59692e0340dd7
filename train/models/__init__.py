"""Bodies: normalised features -> embedding. Adding one is one file and one line here."""

from train.models.cnn_lstm import CnnLstm, CnnLstmOptions

BODIES = {"cnn-lstm": (CnnLstmOptions, CnnLstm)}

__all__ = ["BODIES", "CnnLstm", "CnnLstmOptions"]
