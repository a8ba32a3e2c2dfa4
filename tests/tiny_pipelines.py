"""The real SANA-WM and Wan VACE pipelines with random weights of a few megabytes, saved as diffusers folders."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTX2Video,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    SanaWMPipeline,
    SanaWMTransformer3DModel,
    UniPCMultistepScheduler,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GemmaTokenizer,
    PreTrainedTokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

WORDS = ("a", "an", "room", "red", "wall", "slow", "street", "User", "Prompt", ":")


def save_sana_wm(folder: Path) -> Path:
    """SanaWMPipeline, sides of 32 n and 8 k + 1 frames as the real one."""
    torch.manual_seed(0)
    vocabulary = {token: i for i, token in enumerate(("<pad>", "<eos>", "<bos>", "<unk>", *WORDS))}
    text = Gemma2Config(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
    )
    vae = AutoencoderKLLTX2Video(
        latent_channels=8,
        block_out_channels=(4, 8, 16, 32),
        decoder_block_out_channels=(8, 16, 32),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1),
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )
    transformer = SanaWMTransformer3DModel(
        in_channels=8,
        num_layers=2,
        hidden_size=48,
        num_attention_heads=2,
        softmax_every_n=2,
        linear_head_dim=24,
        caption_channels=16,
        chunk_plucker_post_attn_blocks=2,
    )
    SanaWMPipeline(
        tokenizer=GemmaTokenizer(vocab=vocabulary, merges=[]),
        text_encoder=Gemma2ForCausalLM(text),
        vae=vae,
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
    ).save_pretrained(folder)
    return folder


def save_wan_vace(folder: Path) -> Path:
    """WanVACEPipeline, sides of 16 n and 4 k + 1 frames as the real one."""
    torch.manual_seed(0)
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(("<pad>", "</s>", "<unk>", *WORDS))}, "<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    text = UMT5Config(vocab_size=32, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    vae = AutoencoderKLWan(
        base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    transformer = WanVACETransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        text_dim=32,
        ffn_dim=32,
        num_layers=2,
        vace_layers=[0],
        rope_max_seq_len=64,
    )
    WanVACEPipeline(
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
        ),
        text_encoder=UMT5EncoderModel(text),
        vae=vae,
        transformer=transformer,
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    ).save_pretrained(folder)
    return folder
