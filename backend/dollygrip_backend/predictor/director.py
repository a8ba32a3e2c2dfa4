"""The director: an optional vision-language model that turns intent into camera moves before the predictor reads it.

"Make her feel lonely" becomes "slowly dolly out", and the subject becomes a point of the picture. Any instruct model
that transformers knows as image-text-to-text will do, Qwen3-VL for one. It is meant for a graphics card and off unless
somebody names a model: nothing is loaded, and no hub is asked, without that name.
"""

import re
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from transformers import (
    PROCESSOR_MAPPING,
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    BatchFeature,
    GenerationConfig,
    PreTrainedModel,
    ProcessorMixin,
)

from dollygrip.errors import DollygripError, InputError
from dollygrip_backend.predictor.directions import SYSTEM, Direction, read_answer

_LONGEST = 1024  # pixels of the image's longer side: about a thousand tokens for Qwen3-VL
_SLIMMEST = 50  # longer side over shorter; processors refuse, or blow up, what is slimmer
_NEW_TOKENS = 160  # an answer takes about 60
_HUB_NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)


class Director:
    """Make one with `load`, keep it while it is needed, then `unload` it: a model takes gigabytes.

    director = Director.load("Qwen/Qwen3-VL-4B-Instruct", "cuda")
    direction = director.direct(image, "make her feel lonely")  # .prompt, .subject, .said, .warning
    """

    def __init__(self, model: PreTrainedModel, processor: ProcessorMixin, name: str):
        self.name = name
        self.model: PreTrainedModel | None = model.eval()
        self.processor: ProcessorMixin | None = processor
        # The model's own generation settings sample; two calls must give the same answer.
        own = model.generation_config
        model.generation_config = GenerationConfig(
            do_sample=False,
            max_new_tokens=_NEW_TOKENS,
            eos_token_id=own.eos_token_id,
            pad_token_id=own.pad_token_id,
        )

    @classmethod
    def load(cls, name: str, device: str = "cuda", local_files_only: bool = False) -> Self:
        """The model `name`, a folder or a hub name (owner/model), in bfloat16 on a torch device.

        A hub name is downloaded unless it is in the hub's cache, `local_files_only` is set or HF_HUB_OFFLINE is in the
        environment. Weights are safetensors and code is transformers' own: a repository that needs other weights or
        code is refused. Raises InputError for a name that is neither, DollygripError where loading fails.
        """
        folder = Path(name).expanduser()
        local = bool(name) and folder.is_dir()
        if not local and not _HUB_NAME.fullmatch(name):
            raise InputError(
                f"The director {name!r} is neither a folder nor a model's name on the hub.",
                "Give a folder, or a name like Qwen/Qwen3-VL-4B-Instruct.",
            )
        if torch.device(device).type == "cuda" and not torch.cuda.is_available():
            raise DollygripError("The director needs a CUDA graphics card, and torch finds none.", "Leave it out.")
        source = str(folder) if local else name
        options = {"local_files_only": local or local_files_only, "trust_remote_code": False}
        try:
            processor = _processor(source, options)
            model = AutoModelForImageTextToText.from_pretrained(
                source, use_safetensors=True, dtype=torch.bfloat16, **options
            )
            return cls(model.to(device), processor, name)
        except Exception as error:  # whatever somebody else's folder breaks in transformers, the user needs its name
            raise DollygripError(
                f"The director {name!r} cannot be loaded: {_first_line(error)}.",
                "Check the name, the connection and the free memory, or choose another image-text-to-text model.",
            ) from error

    @torch.inference_mode()
    def direct(self, image: np.ndarray, prompt: str) -> Direction:
        """uint8 (H, W, 3) sRGB and the user's prompt -> what the predictor should be given.

        Greedy decoding: equal inputs give equal answers. An answer that cannot be used leaves the prompt as it is, with
        a warning in the result. Raises InputError for another shape or dtype, DollygripError where the model is
        unloaded or fails, such as for want of memory.
        """
        if self.model is None or self.processor is None:
            raise DollygripError("The director was unloaded.", "Load it again.")
        try:
            inputs = chat_inputs(self.processor, image, prompt).to(self.model.device, dtype=self.model.dtype)
            tokens = self.model.generate(**inputs)[0, inputs["input_ids"].shape[1] :]
            said = self.processor.decode(tokens, skip_special_tokens=True).strip()
        except InputError:
            raise
        except Exception as error:  # of any kind: the code is the model's
            raise DollygripError(
                f"The director {self.name!r} failed: {_first_line(error)}.", "Predict without it, or try a smaller one."
            ) from error
        return read_answer(prompt, said)

    def unload(self) -> None:
        """Give the memory back, also to other processes on the same card. A second call does nothing."""
        self.model = self.processor = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def chat_inputs(processor: ProcessorMixin, image: np.ndarray, prompt: str) -> BatchFeature:
    """What the model reads, up to where its answer begins: the instructions, the picture, the user's words."""
    user = [{"type": "image", "image": _picture(image)}, {"type": "text", "text": prompt}]
    chat = [
        {"role": "system", "content": [{"type": "text", "text": SYSTEM}]},
        {"role": "user", "content": user},
    ]
    return processor.apply_chat_template(
        chat,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        sanitize_control_tokens=True,  # "<|im_end|>" in a prompt is text
    )


def _processor(source: str, options: dict[str, Any]) -> ProcessorMixin:
    """The model's processor, for text and still images.

    Where it handles videos too, that part is left out: nobody needs it here, and it does not load without torchvision.
    """
    whole = PROCESSOR_MAPPING.get(type(AutoConfig.from_pretrained(source, **options)), None)
    if whole is None or "video_processor" not in whole.get_attributes():
        return AutoProcessor.from_pretrained(source, **options)

    class StillProcessor(whole):
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in whole.get_attributes() if name != "video_processor"]

    return StillProcessor.from_pretrained(source, **options)


def _picture(image: np.ndarray) -> Image.Image:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InputError(f"The director needs a uint8 RGB image (H, W, 3), not {image.dtype} {image.shape}.")
    height, width = image.shape[:2]
    if max(height, width) > _SLIMMEST * min(height, width):
        raise InputError(
            f"The image of {width}x{height} pixels is too slim for the director.",
            f"Crop it to at most {_SLIMMEST}:1, or predict without the director.",
        )
    picture = Image.fromarray(image)
    picture.thumbnail((_LONGEST, _LONGEST), reducing_gap=2.0)
    return picture


def _first_line(error: Exception) -> str:
    """What an error says, without the paragraphs that libraries add; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__
