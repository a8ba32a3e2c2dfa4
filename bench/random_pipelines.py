"""SANA-WM's and Wan VACE's pipelines at their published sizes, with random weights made on the device itself.

The sizes are those of the repositories that `dollygrip_backend.video.specs` names:

- SANA-WM's transformer and LTX-2's VAE: the defaults of their classes in diffusers, which describe the public release,
  as its docstrings say; the VAE's ratios of compression, 32 and 8, are given, as the defaults lead to 64.
- Gemma-2-2b: the defaults of transformers' Gemma2Config.
- Wan's VAE: the defaults of its class. Wan VACE 1.3B's transformer and UMT5-XXL: their defaults are those of other
  sizes; the values here are the published config.json's (hidden size 12 x 128, 30 layers, a VACE block beside every
  second one; 24 layers of 4096).

The number of parameters of each part is compared with the one that `specs` plans with. The tokenizers know ten words.
"""

from collections.abc import Callable
from typing import Any

import attrs
import torch
from accelerate import init_empty_weights
from diffusers import (
    AutoencoderKLLTX2Video,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    ModelMixin,
    SanaWMTransformer3DModel,
    UniPCMultistepScheduler,
    WanVACETransformer3DModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GemmaTokenizer,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

from dollygrip_backend.video.specs import ModelSpec

Make = Callable[[], nn.Module]
WORDS = ("a", "an", "room", "red", "wall", "slow", "street", "User", "Prompt", ":")


@attrs.frozen
class Sizes:
    """Arguments of a pipeline's three networks: the text encoder's config, the VAE's and the transformer's."""

    text: dict[str, Any]
    vae: dict[str, Any]
    transformer: dict[str, Any]


PUBLISHED = {
    "sana-wm": Sizes({}, {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8}, {}),
    "wan-vace": Sizes(
        {"vocab_size": 256384, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64},
        {},
        {
            "num_attention_heads": 12,
            "attention_head_dim": 128,
            "ffn_dim": 8960,
            "num_layers": 30,
            "vace_layers": list(range(0, 30, 2)),
        },
    ),
}
TINY = {
    "sana-wm": Sizes(
        {
            "vocab_size": 14,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 8,
        },
        {
            "latent_channels": 8,
            "block_out_channels": (4, 8, 16, 32),
            "decoder_block_out_channels": (8, 16, 32),
            "layers_per_block": (1, 1, 1, 1, 1),
            "decoder_layers_per_block": (1, 1, 1, 1),
            "spatial_compression_ratio": 32,
            "temporal_compression_ratio": 8,
        },
        {
            "in_channels": 8,
            "num_layers": 2,
            "hidden_size": 48,
            "num_attention_heads": 2,
            "softmax_every_n": 2,
            "linear_head_dim": 24,
            "caption_channels": 16,
            "chunk_plucker_post_attn_blocks": 2,
        },
    ),
    "wan-vace": Sizes(
        {"vocab_size": 32, "d_model": 32, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2},
        {"base_dim": 4, "dim_mult": [1, 1, 1, 1], "num_res_blocks": 1},
        {
            "num_attention_heads": 2,
            "attention_head_dim": 12,
            "text_dim": 32,
            "ffn_dim": 32,
            "num_layers": 2,
            "vace_layers": [0],
            "rope_max_seq_len": 64,
        },
    ),
}


def assemble(
    spec: ModelSpec, pipeline: Callable[..., Any], sizes: Sizes, network: Callable[[str, Make], nn.Module]
) -> Any:
    """A pipeline of the class `pipeline`; network(part, make) gives each of its networks, which make() makes."""
    sana = spec.name == "sana-wm"
    text_class, config = (Gemma2ForCausalLM, Gemma2Config) if sana else (UMT5EncoderModel, UMT5Config)
    vae_class = AutoencoderKLLTX2Video if sana else AutoencoderKLWan
    transformer_class = SanaWMTransformer3DModel if sana else WanVACETransformer3DModel
    return pipeline(
        vae=network("vae", lambda: vae_class(**sizes.vae)),
        transformer=network("transformer", lambda: transformer_class(**sizes.transformer)),
        text_encoder=network("text_encoder", lambda: text_class(config(**sizes.text))),
        tokenizer=_gemma_tokenizer() if sana else _umt5_tokenizer(),
        scheduler=FlowMatchEulerDiscreteScheduler()
        if sana
        else UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    )


def build(spec: ModelSpec, pipeline: Callable[..., Any], sizes: Sizes, device: str) -> Any:
    """The same with random weights on a device, of the types that the engines load."""
    half = torch.bfloat16 if torch.device(device).type == "cuda" else torch.float32
    fine = torch.float32 if spec.vae.bytes_each == 4 else half
    torch.manual_seed(0)
    return assemble(spec, pipeline, sizes, lambda part, make: _filled(make, device, fine if part == "vae" else half))


def parameters(pipe: Any) -> dict[str, int]:
    """How many each of a pipeline's networks has."""
    return {
        name: sum(value.numel() for value in part.parameters())
        for name, part in pipe.components.items()
        if isinstance(part, nn.Module)
    }


def _filled(make: Make, device: str, dtype: torch.dtype) -> nn.Module:
    """A network with random weights that keep the size of what passes through; its buffers are its own.

    What diffusers keeps in 32 bits is so here, too.
    """
    with init_empty_weights():
        network = make()
    keep = set(network._keep_in_fp32_modules or ()) if isinstance(network, ModelMixin) else set()
    for path, module in network.named_modules():
        for name, empty in list(module._parameters.items()):
            if empty is None:
                continue
            fine = keep & {*path.split("."), name}
            value = torch.empty(empty.shape, device=device, dtype=torch.float32 if fine else dtype)
            if value.ndim > 1:
                value.normal_(std=(value.numel() / value.shape[0]) ** -0.5)
            else:
                value.fill_(1.0 if name == "weight" else 0.0)
            setattr(module, name, nn.Parameter(value, requires_grad=False))
    if not isinstance(network, ModelMixin):
        network.tie_weights()
    return network.to(device).eval()


def _gemma_tokenizer() -> GemmaTokenizer:
    return GemmaTokenizer(vocab={t: i for i, t in enumerate(("<pad>", "<eos>", "<bos>", "<unk>", *WORDS))}, merges=[])


def _umt5_tokenizer() -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(("<pad>", "</s>", "<unk>", *WORDS))}, "<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
