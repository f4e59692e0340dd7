"""Bodies: normalised features -> embedding. Adding one is one file and one line here."""

from typing import Any

from train.models.cnn import Cnn, CnnOptions
from train.models.cnn_deep import CnnDeep, CnnDeepOptions
from train.models.cnn_lstm import CnnLstm, CnnLstmOptions
from train.models.cnn_lstm_attention import CnnLstmAttention, CnnLstmAttentionOptions
from train.models.cnn_stats import CnnStats, CnnStatsOptions
from train.models.cnn_transformer import CnnTransformer, CnnTransformerOptions
from train.models.crnn import Crnn, CrnnOptions
from train.models.recurrent import Gru, Lstm, RecurrentOptions

BODIES: dict[str, tuple[Any, Any]] = {
    "cnn": (CnnOptions, Cnn),
    "cnn-deep": (CnnDeepOptions, CnnDeep),
    "lstm": (RecurrentOptions, Lstm),
    "gru": (RecurrentOptions, Gru),
    "crnn": (CrnnOptions, Crnn),
    "cnn-lstm": (CnnLstmOptions, CnnLstm),
    "cnn-lstm-attention": (CnnLstmAttentionOptions, CnnLstmAttention),
    "cnn-stats": (CnnStatsOptions, CnnStats),
    "cnn-transformer": (CnnTransformerOptions, CnnTransformer),
}

__all__ = ["BODIES", "CnnLstm", "CnnLstmOptions"]
