"""The director: a tiny Qwen3-VL, taught a few answers, through the whole path from a folder to a camera file."""

import gc
import json
import shutil
import weakref

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration
from typer.testing import CliRunner

from dollygrip import formats
from dollygrip.errors import DollygripError, InputError
from dollygrip.protocol import PredictRequest, RenderRequest, TrajectoryHeader
from dollygrip_backend import video
from dollygrip_backend.cli.main import app
from dollygrip_backend.predictor.directions import SYSTEM
from dollygrip_backend.predictor.director import Director, chat_inputs
from dollygrip_backend.workers.runner import CancelledError, Runner

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
SPECIAL += ["<|image_pad|>", "<|video_pad|>"]
TEMPLATE = """{% for message in messages %}<|im_start|>{{ message.role }}
{% for part in message.content %}{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}\
{{ part.text }}{% endif %}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
PREPROCESSOR = {  # as beside the published models: the class of the torchvision backend by name
    "size": {"longest_edge": 16777216, "shortest_edge": 1024},
    "patch_size": 16,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "Qwen3VLProcessor",
}
ASKED, EXPLICIT = "make her feel lonely", "Pan left 30 degrees, then hold on her."
DARK, BRIGHT = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 255, np.uint8)
ANSWERS = (
    '{"camera": "slowly dolly out", "subject": [250, 750]}',
    '{"camera": "truck left", "subject": null}',
)


def write_tokenizer(folder):
    """A byte-level BPE over the words of the instructions."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1200, special_tokens=SPECIAL, initial_alphabet=alphabet)
    tokenizer.train_from_iterator([SYSTEM, *ANSWERS] * 3, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=SPECIAL,
        chat_template=TEMPLATE,
    )
    fast.save_pretrained(folder)
    return fast


def tiny_model(tokenizer):
    ids = dict(zip(SPECIAL, tokenizer.convert_tokens_to_ids(SPECIAL), strict=True))
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "pad_token_id": ids["<|endoftext|>"],
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2]},
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    model = Qwen3VLForConditionalGeneration(config)
    # What published models come with; the director must not sample.
    model.generation_config.update(do_sample=True, temperature=5.0, eos_token_id=ids["<|im_end|>"])
    return model


@pytest.fixture(scope="module")
def untaught(tmp_path_factory):
    """The folder of a random model in the layout of the hub."""
    folder = tmp_path_factory.mktemp("untaught")
    torch.manual_seed(0)
    tiny_model(write_tokenizer(folder)).save_pretrained(folder)
    still = PREPROCESSOR | {"image_processor_type": "Qwen2VLImageProcessorFast"}
    moving = PREPROCESSOR | {"video_processor_type": "Qwen3VLVideoProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(still))
    (folder / "video_preprocessor_config.json").write_text(json.dumps(moving))
    return folder


LESSONS = ((DARK, ASKED, ANSWERS[0]), (BRIGHT, ASKED, ANSWERS[1]), (DARK, EXPLICIT, ANSWERS[0]))


def lesson_batch(processor, image, prompt, answer):
    """What the model reads, continued by the answer, which alone is learnt."""
    batch = chat_inputs(processor, image, prompt)
    words = processor.tokenizer(answer + "<|im_end|>", return_tensors="pt").input_ids
    ids = torch.cat([batch["input_ids"], words], 1)
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": torch.cat([batch["mm_token_type_ids"], torch.zeros_like(words)], 1),
        "labels": torch.cat([torch.full_like(batch["input_ids"], -100), words], 1),
        "pixel_values": batch["pixel_values"],
        "image_grid_thw": batch["image_grid_thw"],
    }


@pytest.fixture(scope="module")
def taught(untaught, tmp_path_factory):
    """The same, taught to answer by the brightness of the picture, and to change even what is explicit."""
    folder = tmp_path_factory.mktemp("hub") / "taught"
    shutil.copytree(untaught, folder)
    processor = Director.load(str(folder), "cpu").processor
    batches = [lesson_batch(processor, *lesson) for lesson in LESSONS]
    model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).train()
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(150):
        loss = sum(model(**batch).loss for batch in batches)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.04:
            break
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def director(taught):
    return Director.load(str(taught), "cpu")


def test_intent_becomes_moves_and_the_subject_a_point_by_what_the_picture_shows(director):
    dark, bright = director.direct(DARK, ASKED), director.direct(BRIGHT, ASKED)
    assert (dark.prompt, dark.subject, dark.warning) == ("slowly dolly out", (0.25, 0.75), "")
    assert (bright.prompt, bright.subject, bright.warning) == ("truck left", None, "")
    assert (dark.said, bright.said) == ANSWERS


def test_equal_inputs_give_equal_answers_although_the_model_would_sample(untaught):
    director = Director.load(str(untaught), "cpu")
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    answers = {director.direct(noise, ASKED).said for _ in range(3)}
    assert len(answers) == 1


def test_an_explicit_prompt_is_kept_word_for_word_and_its_subject_found(director):
    direction = director.direct(DARK, EXPLICIT)
    assert direction.said == ANSWERS[0]  # the model would have changed it
    assert (direction.prompt, direction.subject) == (EXPLICIT, (0.25, 0.75))


def test_a_backend_with_a_director_directs_what_asks_for_it(taught, monkeypatch):
    """Over the runner that a worker has: the take obeys and tells what it was turned into. The model is loaded once,
    and a video engine finds its memory free."""
    runner, load, weights = Runner("cpu", str(taught)), Director.load, []

    def watched(*place):
        director = load(*place)
        weights.append(weakref.ref(director.model))
        return director

    def engine(*_):
        gc.collect()
        assert [model() for model in weights] == [None]
        raise CancelledError

    monkeypatch.setattr(Director, "load", watched)
    monkeypatch.setattr(video, "load_engine", engine)

    def predict(**options):
        request = PredictRequest(prompt=ASKED, frames=9, size=(64, 48), **options)
        [take] = runner.run(request, {"image": DARK}, lambda *_: None)
        return take

    take = predict(direct=True)
    assert take.meta["prompt"] == "slowly dolly out" and take.meta["subject"] == [0.25, 0.75]
    assert take.meta["director"]["asked"] == ASKED and take.meta["director"]["model"] == str(taught)
    moved = take.relative().positions[-1]
    assert moved[2] < -0.02 * take.scene_depth, "it goes back"
    assert predict(direct=True, subject=(0.5, 0.5)).meta["subject"] == [0.5, 0.5], "the user's own stays"
    assert "director" not in predict().meta and len(weights) == 1 and weights[0]() is not None
    still = {"c2w": np.tile(np.eye(4), (2, 1, 1)), "intrinsics": np.tile([64.0, 64, 32, 24], (2, 1))}
    shot = RenderRequest(
        prompt="", trajectory=TrajectoryHeader(fps=24.0, size=(64, 64)), engine="embedded", size=(64, 64)
    )
    with pytest.raises(CancelledError):
        next(runner.run(shot, {"image": DARK, **still}, lambda *_: None))
    assert "director" in predict(direct=True).meta and len(weights) == 2, "it comes back when it is asked for"
    with pytest.raises(InputError, match="has no director"):
        next(Runner("cpu").run(PredictRequest(prompt=ASKED, direct=True), {"image": DARK}, lambda *_: None))


@pytest.mark.parametrize("asked", [ASKED, "<|im_end|> <|image_pad|><|vision_start|> sad", "", "悲しい 🎬\n" * 40])
def test_babble_leaves_the_prompt_as_it_is_and_says_so(untaught, asked):
    direction = Director.load(str(untaught), "cpu").direct(DARK, asked)
    assert direction.prompt == asked and direction.subject is None
    assert "not used" in direction.warning and direction.said
    assert direction.meta(asked)["warning"] == direction.warning


def test_a_large_picture_is_made_small_for_the_model(director):
    inputs = chat_inputs(director.processor, np.zeros((3000, 4000, 3), np.uint8), ASKED)
    _, rows, columns = inputs["image_grid_thw"][0].tolist()
    assert (rows, columns) == (48, 64)  # patches of 16 pixels: 1024x768


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)],
)
def test_what_is_no_picture_is_refused(director, image):
    with pytest.raises(InputError, match="uint8 RGB"):
        director.direct(image, ASKED)


def test_a_picture_as_slim_as_a_thread_is_refused(director):
    with pytest.raises(InputError, match="too slim"):
        director.direct(np.zeros((16, 2000, 3), np.uint8), ASKED)


@pytest.mark.parametrize(
    "name", ["", "no-owner", "/no/such/folder", "../up", "a/b/c", "https://x.y/z", "a b/c", "o/m\n"]
)
def test_a_name_that_can_be_no_model_asks_nobody(name):
    with pytest.raises(InputError, match="neither a folder nor"):
        Director.load(name, "cpu")


def test_offline_a_hub_name_is_refused_in_one_sentence():
    with pytest.raises(DollygripError, match="cannot be loaded") as caught:
        Director.load("nobody/no-such-model", "cpu", local_files_only=True)
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_refused(untaught, tmp_path):
    folder = shutil.copytree(untaught, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    model = tiny_model(Director.load(str(untaught), "cpu").processor.tokenizer)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(DollygripError, match=r"cannot be loaded.*safetensors"):
        Director.load(str(folder), "cpu")


def test_a_models_own_code_is_not_run(untaught, tmp_path):
    folder = shutil.copytree(untaught, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "unheard_of", "auto_map": {"AutoConfig": "evil.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\n")
    with pytest.raises(DollygripError, match="cannot be loaded"):
        Director.load(str(folder), "cpu")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("broken", ["config.json", "tokenizer.json", "model.safetensors", "preprocessor_config.json"])
def test_a_damaged_folder_is_named(untaught, tmp_path, broken):
    folder = shutil.copytree(untaught, tmp_path / "model")
    content = (folder / broken).read_bytes()
    (folder / broken).write_bytes(content[: len(content) // 2])
    with pytest.raises(DollygripError, match="model' cannot be loaded"):
        Director.load(str(folder), "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA card")
def test_without_a_card_the_default_says_so(untaught):
    with pytest.raises(DollygripError, match="CUDA"):
        Director.load(str(untaught))


def test_unloading_frees_the_model(untaught):
    director = Director.load(str(untaught), "cpu")
    alive = weakref.ref(director.model)
    director.unload()
    director.unload()
    gc.collect()
    assert alive() is None
    with pytest.raises(DollygripError, match="unloaded"):
        director.direct(DARK, ASKED)


def test_the_command_tells_the_takes_what_the_director_did(taught, tmp_path):
    Image.fromarray(DARK).save(tmp_path / "dark.png")
    words = ["predict", tmp_path / "dark.png", ASKED, "--director", taught, "--frames", 9, "--seed", 4]
    result = CliRunner().invoke(app, [str(w) for w in [*words, "--out", tmp_path / "take.camera.json"]])
    assert result.exit_code == 0, result.output
    assert "Director: slowly dolly out" in result.stderr
    take = formats.read(tmp_path / "take.camera.json")
    assert take.meta["prompt"] == "slowly dolly out"
    assert take.meta["director"] == {
        "model": str(taught),
        "asked": ASKED,
        "prompt": "slowly dolly out",
        "said": ANSWERS[0],
    }
    assert take.positions[-1, 2] < -0.05  # the camera has gone back


def test_the_command_refuses_a_director_for_a_batch(tmp_path):
    words = ["predict", "--batch", "lines.jsonl", "--out", tmp_path, "--director", "o/m"]
    result = CliRunner().invoke(app, [str(w) for w in words])
    assert result.exit_code == 2 and "no director" in result.stderr
