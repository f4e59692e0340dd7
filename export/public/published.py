"""The `.json` that Essentia publishes beside a network: what it takes, says and is called.

P. Alonso-Jimenez, D. Bogdanov, J. Pons and X. Serra, TensorFlow audio models in Essentia,
ICASSP 2020; https://essentia.upf.edu/models.html.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.public.front_ends import MelRecipe
from tagger.errors import InputError

_MUSICNN = MelRecipe(is_symmetric=True)
RECIPES = {
    "TensorflowPredictEffnetDiscogs": _MUSICNN,
    "TensorflowPredictMusiCNN": _MUSICNN,
    "TensorflowPredictMAEST": MelRecipe(
        is_symmetric=True, normal=(2.06755686098554, 2 * 1.268292820667291)
    ),
    "TensorflowPredictVGGish": MelRecipe(
        hop_len=160, n_mels=64, f_min_hz=125.0, f_max_hz=7_500.0, scale="htk-mels",
        level="log", frame_len=400, is_symmetric=True,
    ),
}  # fmt: skip
"""Which features Essentia's algorithms compute (TensorflowInputMusiCNN, -InputVGGish); how many
frames a network takes is read from the network. The first frame begins with the window, as in
every patch of Essentia's but the first."""

NON_COMMERCIAL = (
    "CC BY-NC-SA 4.0 by their documentation, CC BY-NC-ND 4.0 by the LICENSE file beside them"
    " (Essentia models, Music Technology Group, Universitat Pompeu Fabra)"
)
YAMNET = "Apache-2.0 (YAMNet, Google; as converted for Essentia)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is used of such a file.

    Attributes:
        name: of the network, as its makers call it.
        classes: of its scores, in their order; none of an extractor of embeddings.
        algorithm: of Essentia, which computes the features or the embedding that it takes.
        is_head: whether it takes the embedding of another network.
        activation: what ends the network ('Sigmoid', 'Softmax', ...).
    """

    name: str
    classes: tuple[str, ...]
    algorithm: str
    is_head: bool
    activation: str

    @property
    def licence(self) -> str:
        """Of the weights."""
        return YAMNET if "yamnet" in self.name.casefold() else NON_COMMERCIAL

    @property
    def recipe(self) -> MelRecipe:
        """How its features are computed, but for the number of frames.

        Raises:
            InputError: the algorithm is another one.
        """
        if self.algorithm not in RECIPES:
            raise InputError(
                f"{self.name}: its features are those of {self.algorithm or 'no algorithm'};"
                f" known are those of {', '.join(RECIPES)}."
            )
        return RECIPES[self.algorithm]


def read_published(path: Path) -> Published:
    """Read such a file.

    Raises:
        InputError: it is not there, or is no such file.
    """
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        inference = card["inference"]
        below = inference.get("embedding_model")
        outputs = card["schema"]["outputs"]
        scores = [output for output in outputs if output.get("output_purpose") == "predictions"]
        return Published(
            name=str(card["name"]),
            classes=tuple(map(str, card["classes"])),
            algorithm=str((below or inference)["algorithm"]),
            is_head=below is not None,
            activation=str((scores or outputs)[0].get("op", "")),
        )
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there is no such file; the classes of a network stand in the .json that"
            " is published beside it: put it there, or name it with --metadata."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{path}: not the .json that Essentia publishes beside a network ({error!r})."
        ) from error
