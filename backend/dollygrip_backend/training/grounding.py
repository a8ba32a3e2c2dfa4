"""Training of the grounding on rendered scenes that name their objects.

Two lessons in every step: what words mean in their sentence (hand-written prompts with their subject exchanged, where
the shot reader will point at it), and where a view shows what a phrase names, or that it does not.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from dollygrip.errors import InputError
from dollygrip_backend.data.augment import disturb
from dollygrip_backend.data.captions import CaptionBank, load_bank
from dollygrip_backend.data.descriptions import Look, Said, descriptions, look_of
from dollygrip_backend.data.grammar import Pair
from dollygrip_backend.data.grammar.corpus import naming
from dollygrip_backend.data.grammar.mentions import among_colours, told_before, with_subject
from dollygrip_backend.data.objects import (
    PRONOUNS,
    SceneObject,
    alone,
    general_words,
    other_words,
    spoken,
    unambiguous,
)
from dollygrip_backend.data.scenes import MAKE_SCENES, SceneDataset
from dollygrip_backend.predictor.grounding import Grounding
from dollygrip_backend.predictor.looks import COLUMNS, ROWS, picture_planes, rgb_of
from dollygrip_backend.predictor.picture_features import PictureFeatures
from dollygrip_backend.predictor.text import TextFeatures
from dollygrip_backend.training.common import Run, finished, learning_rate, recipe_in, sizes_of, step_random, train
from dollygrip_backend.training.muon import Muon

T = TypeVar("T")
_SMALLEST_CROP = 0.7
_SMALLEST_SHARE = 0.003  # of the picture: what is smaller cannot be told at this size
_SHARPNESS = 20.0  # of the comparison of a prompt with the phrases
_ALIKE = 5.0  # weight of how far what a prompt names is from the phrase alone: absence is learned on phrases alone
_ENDS = ("phrase", "picture_in.0", "place", "shown", "absent")
_DESCRIBED = 4  # descriptions of a picture's things at least, where there are so many
_SPREAD = 0.7  # cells: how far the target's probability reaches around an object's middle


@attrs.frozen
class Config:
    """The table [grounding] of `predictor.toml`; the comments there say what each key means."""

    seed: int
    prompts: int
    batch: int
    phrases: int
    prompts_in_step: int
    steps: int
    learning_rate: float
    average: float
    absent: float
    bfloat16: bool
    network: dict[str, Any] = attrs.field(validator=sizes_of(Grounding))
    kept: float = 0.0

    def __attrs_post_init__(self) -> None:
        if self.prompts_in_step > self.prompts:
            raise ValueError(f"prompts = {self.prompts} are fewer than prompts_in_step = {self.prompts_in_step}")


@attrs.frozen(eq=False)
class View:
    """One rendered view, the phrases that fit exactly one of its objects by name and colour, its objects and how they
    look, and all words that fit some."""

    rgb: np.ndarray
    depth: np.ndarray
    said: list[Said]
    things: list[tuple[SceneObject, Look]]
    all_words: frozenset[str]


class NamedViews:
    """All views of a data set that show named objects, in memory. contents: as of the data set.

    Raises InputError where there are none.
    """

    def __init__(self, folder: Path):
        scenes = SceneDataset(folder)
        self.contents, self.views = scenes.contents, []
        for index in range(len(scenes)):
            scene = scenes[index]
            for v in range(len(scene)):
                objects, focal = scene.objects_in(v), tuple(scene.intrinsics[v][:2])
                general = general_words(objects)
                said = [
                    ((words, *other_words(words)), item)
                    for words, item in unambiguous(objects) + alone(general)
                    if item.share > _SMALLEST_SHARE
                ]
                if said:
                    things = [
                        (item, look_of(item, scene.rgb[v], scene.depth[v], focal))
                        for item in objects
                        if item.share > _SMALLEST_SHARE
                    ]
                    fitting = frozenset(
                        words
                        for item in objects
                        for phrase in (item.phrase, item.name)
                        for words in (phrase, *other_words(phrase))
                    ) | {words for words, _ in general}
                    self.views.append(View(scene.rgb[v], scene.depth[v].astype(np.float16), said, things, fitting))
        if not self.views:
            raise InputError(f"No view in {folder} shows an object by its name.", MAKE_SCENES)

    def named(self) -> list[tuple[str, ...]]:
        """Every name, with a colour or without, that fits some object, each with other words for it."""
        return sorted({words for view in self.views for words, _ in view.said})

    def described(self) -> list[tuple[str, ...]]:
        """The same for what else tells the objects of whole views apart; what only a crop would say is never asked."""
        named = set(self.named())
        return sorted({words for view in self.views for words, _ in descriptions(view.things)} - named)


@attrs.frozen(eq=False)
class Phrases:
    """Phrases that name things, their features (N, 768), and a bank of prompts: named[i] is the phrase that prompt i
    speaks of. alike (N, N): whether two of them say the same thing in other words."""

    words: list[str]
    features: Tensor
    alike: Tensor
    bank: CaptionBank
    named: np.ndarray

    @classmethod
    def of(
        cls, named: list[tuple[str, ...]], described: list[tuple[str, ...]], count: int, seed: int, cache: Path
    ) -> "Phrases":
        """`count` prompts, half about what is named and half about what is described; half of them say it in other
        words where there are any. A third speaks of other colours, too."""
        rng = np.random.default_rng(seed)
        meaning: dict[str, int] = {}
        for i, same in enumerate([*named, *described]):
            known = next((meaning[words] for words in same if words in meaning), i)
            for words in same:
                meaning.setdefault(words, known)
        words = list(meaning)
        number = {phrase: i for i, phrase in enumerate(words)}
        pairs, names = [], np.zeros(count, int)
        for i in range(count):
            said = in_some_words(_one_of(described or named if i % 2 else named, rng), rng)
            names[i] = number[said]
            pairs.append(_surrounded(_mentioning(_one_of(naming(), rng), said, named, rng), rng))
        alone = load_bank([Pair(spoken(phrase), pairs[0].plan) for phrase in words], cache)
        text, _ = alone.batch(np.arange(len(words)))
        features = mean_over(text, text.mask)
        group = torch.tensor([meaning[phrase] for phrase in words])
        return cls(words, features, group[:, None] == group, load_bank(pairs, cache), names)


def mean_over(text: TextFeatures, words: Tensor) -> Tensor:
    """Features (B, 768): the mean over those words, (B, L), of each prompt."""
    words = words[..., None]
    return (text.features * words).sum(1) / words.sum(1).clamp_min(1)


def _mentioning(pair: Pair, said: str, named: list[tuple[str, ...]], rng: np.random.Generator) -> Pair:
    """The pair about what is said; a fifth says it before, and a quarter mentions another thing."""
    if said not in PRONOUNS and rng.random() < 0.2:
        return told_before(pair, spoken(said), rng)
    return with_subject(pair, spoken(said), _one_of(named, rng)[0] if rng.random() < 0.3 else None, rng)


def _surrounded(pair: Pair, rng: np.random.Generator) -> Pair:
    return Pair(among_colours(pair.prompt, rng), pair.plan) if rng.random() < 1 / 3 else pair


def _one_of(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]


def in_some_words(same: tuple[str, ...], rng: np.random.Generator) -> str:
    """The first of phrases that mean the same, or half of the time another of them."""
    return _one_of(same[1:], rng) if len(same) > 1 and rng.random() < 0.5 else same[0]


def draw_views(
    views: NamedViews, phrases: Phrases, config: Config, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (B, planes, 128, 192); numbers of P phrases asked over each (B, P); targets (B, P, 1 + cells), each a
    distribution. Several phrases over one picture: only the words tell their targets apart."""
    number = {words: i for i, words in enumerate(phrases.words)}
    asked, pictures, targets = [], [], []
    for _ in range(config.batch):
        view = views.views[int(rng.integers(len(views.views)))]
        rgb, depth, places = _cropped(view, rng)
        places = [(known, place) for same, place in places if (known := tuple(w for w in same if w in number))]
        for k in rng.permutation(max(len(places), config.phrases))[: config.phrases]:
            shown = k < len(places) and rng.random() >= config.absent
            phrase, target = _asked_for(places[k], rng) if shown else _absent(view, phrases.words, rng)
            asked.append(number[phrase])
            targets.append(target)
        pixels = (disturb(rgb, rng, hues=False) * 255).astype(np.uint8) if rng.random() < 0.5 else rgb
        pictures.append(picture_planes(pixels, depth if rng.random() < 0.7 else None))
    shape = (config.batch, config.phrases)
    return (
        torch.stack(pictures),
        torch.tensor(asked).unflatten(0, shape),
        torch.from_numpy(np.stack(targets)).unflatten(0, shape),
    )


def _asked_for(place: tuple[tuple[str, ...], tuple[float, float]], rng: np.random.Generator) -> tuple[str, np.ndarray]:
    same, (x, y) = place
    return in_some_words(same, rng), np.concatenate([np.zeros(1, np.float32), _around(x, y)])


def _absent(view: View, words: list[str], rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A phrase that fits nothing in the view, and the target that says so."""
    phrase = words[int(rng.integers(len(words)))]
    while any(phrase in said or said in phrase for said in view.all_words):
        phrase = words[int(rng.integers(len(words)))]
    target = np.zeros(1 + ROWS * COLUMNS, np.float32)
    target[0] = 1
    return phrase, target


def _cropped(
    view: View, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[tuple[tuple[str, ...], tuple]]]:
    """A window of the view, mirrored half of the time; what is said of the objects whose middle it still shows, as many
    descriptions as names, and where they are."""
    h, w = view.depth.shape
    height, width = (int(side * rng.uniform(_SMALLEST_CROP, 1)) for side in (h, w))
    top, left = int(rng.integers(h - height + 1)), int(rng.integers(w - width + 1))
    window = (slice(top, top + height), slice(left, left + width))
    rgb, depth = view.rgb[window], view.depth[window].astype(np.float32)
    mirrored = rng.random() < 0.5
    if mirrored:
        rgb, depth = rgb[:, ::-1], depth[:, ::-1]

    def moved(item: SceneObject) -> SceneObject | None:
        x, y = (item.x * w - left) / width, (item.y * h - top) / height
        inside = 0 <= x < 1 and 0 <= y < 1
        return attrs.evolve(item, x=1 - x if mirrored else x, y=y) if inside else None

    said = [(same, there) for same, item in view.said if (there := moved(item))]
    things = [(there, look.scaled(h / height)) for item, look in view.things if (there := moved(item))]
    more = descriptions(things)
    said += [more[k] for k in rng.permutation(len(more))[: max(_DESCRIBED, len(said))]]
    places = [(same, (item.x, item.y)) for same, item in said]
    return np.ascontiguousarray(rgb), np.ascontiguousarray(depth), places


def _around(x: float, y: float) -> np.ndarray:
    """(ROWS * COLUMNS,) a small bell about the place, summing to one."""
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS] + 0.5
    bell = np.exp(-((columns - x * COLUMNS) ** 2 + (rows - y * ROWS) ** 2) / (2 * _SPREAD**2))
    return (bell / bell.sum()).astype(np.float32).ravel()


def train_grounding(
    settings: Config, views: NamedViews, work: Path, resume: bool = True, start: Path | None = None
) -> Grounding:
    """The trained grounding with its averaged weights; checkpoints and log.jsonl in `work`. start: weights to go on
    from, instead of fresh ones."""
    recipe = recipe_in(work, settings, views.contents, resume, start)
    step_random(settings.seed, -1 % 2**31)
    model = finished(Grounding, start) if start else Grounding(**settings.network)
    run = Run(model, Muon(model, apart=_ENDS), settings.average, recipe)
    with run.accelerator.main_process_first():
        phrases = Phrases.of(views.named(), views.described(), settings.prompts, settings.seed, work / "captions")
    known = phrases.features.to(run.device), phrases.alike.to(run.device)
    draw = partial(_draw, views, phrases, settings)
    descend = partial(_step, run, PictureFeatures.load(run.device), settings, known)
    train(run, "grounding", settings.steps, draw, descend, work, resume=resume)
    return model


def _draw(views: NamedViews, phrases: Phrases, settings: Config, step: int) -> tuple[Tensor, ...]:
    """The features of what a step's prompts name, the numbers of these phrases, and what `draw_views` gives."""
    rng = step_random(settings.seed, step)
    rows = rng.choice(len(phrases.bank), settings.prompts_in_step, replace=False)
    text, program = phrases.bank.batch(rows)
    heard = mean_over(text, program.naming(text.mask.shape[1])[:, 1:])
    return heard, torch.from_numpy(phrases.named[rows]), *draw_views(views, phrases, settings, rng)


def _step(
    run: Run,
    encoder: PictureFeatures,
    settings: Config,
    known: tuple[Tensor, Tensor],
    batch: tuple[Tensor, ...],
) -> dict[str, float]:
    """One step: what prompts name, and where pictures show it. known: the phrases' features and which are alike."""
    features, alike = known
    heard, named, pictures, asked, targets = (value.to(run.device) for value in batch)
    with torch.no_grad(), run.autocast(settings.bfloat16):
        read = encoder(rgb_of(pictures))
    with sdpa_kernel(SDPBackend.MATH), run.autocast(settings.bfloat16):
        vocabulary = run.model.embed(features)
        phrase = run.model.embed(heard)
        chances = run.model.compare(*run.model.see(pictures, read), vocabulary[asked]).log_softmax(-1)
    parts = {
        "words": _words_loss(phrase @ vocabulary.T * _SHARPNESS, alike[named]),
        "alike": _ALIKE * (1 - (phrase * vocabulary[named]).sum(-1)).mean(),
        "places": -(targets * chances).sum(-1).mean(),
    }
    run.descend(sum(parts.values()), learning_rate(run.step, settings.steps, settings.learning_rate))
    shown = targets[..., 0] == 0
    near = (chances.detach().exp() * (targets > 0.02)).sum(-1)  # the probability on the right place, or on absence
    found = {"shown": float(near[shown].mean()), "absent": float(near[~shown].mean())}
    return {**{key: float(value.detach()) for key, value in parts.items()}, **found}


def _words_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Cross-entropy of prompts' logits (B, N) over the phrases; any that says the same as the one named is right."""
    return -logits.log_softmax(-1).masked_fill(~right, -torch.inf).logsumexp(-1).mean()
