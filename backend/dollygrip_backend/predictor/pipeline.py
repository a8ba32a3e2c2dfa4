"""The camera predictor as a diffusers pipeline: prompt and reference image in, camera trajectories out."""

import re
from collections.abc import Callable, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from dollygrip.trajectory import Trajectory
from dollygrip_backend.predictor import pacing
from dollygrip_backend.predictor.checks import check_depth, check_image, check_numbers, check_prompt
from dollygrip_backend.predictor.constraints import Constraints
from dollygrip_backend.predictor.destinations import going_there, parts_of
from dollygrip_backend.predictor.drafts import Draft, Order, drafts
from dollygrip_backend.predictor.gaze import said_gaze, walking
from dollygrip_backend.predictor.grounding import Found, Grounding, Seen
from dollygrip_backend.predictor.handheld import held
from dollygrip_backend.predictor.level import SKY
from dollygrip_backend.predictor.motion import CHANNELS, SAMPLES
from dollygrip_backend.predictor.network import CameraTransformer
from dollygrip_backend.predictor.path_speeds import at_speeds, said_speeds
from dollygrip_backend.predictor.phrases import phrased
from dollygrip_backend.predictor.picture_features import PictureFeatures
from dollygrip_backend.predictor.plan import Plan
from dollygrip_backend.predictor.program import Reading, plan_of
from dollygrip_backend.predictor.reader import Memory, ShotReader
from dollygrip_backend.predictor.reference import Reference
from dollygrip_backend.predictor.shot_kinds import named
from dollygrip_backend.predictor.strange import strange_words
from dollygrip_backend.predictor.tempos import paced
from dollygrip_backend.predictor.text import TextEncoder, TextFeatures
from dollygrip_backend.predictor.timing import timed
from dollygrip_backend.predictor.vertigo import looked
from dollygrip_backend.scene.faces import FaceDetector
from dollygrip_backend.scene.things import ThingDetector

NOISE_SHIFT = 3.0  # smooth channels show through noise: training and sampling stay longer at high noise levels
_ONWARD, _WALK = "push in", "dolly_in"  # the words and the plan of words that say nothing but that the camera goes on
_HOLD = "hold"  # a prompt that leaves nothing to be loaded for the next
_STILL = "static"  # of words that ask nothing of the camera
_PLAIN_QUOTES = str.maketrans("‘’“”", "''\"\"")  # as rules on words know them
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\s*\n\s*")

Progress = Callable[[int, int], None]


@attrs.frozen(eq=False)
class Shots:
    """B prompts read for one reference: memory, plans and, for each prompt, the subject that its words name.

    distances: of each prompt's subject, over the scene depth; there may be one without a place. named: the words that
    name a thing of the picture which the plan goes by, "" where there are none.
    """

    memory: Memory
    plans: list[Plan]
    subjects: list[tuple[float, float] | None]
    distances: list[float]
    named: list[str]

    def told(self, i: int, reference: Reference) -> dict[str, Any]:
        """What the meta of prompt `i`'s takes tells of the thing that it is about."""
        told: dict[str, Any] = {"named": self.named[i]} if self.named[i] else {}
        if (place := self.subjects[i]) is not None:
            told["subject"] = [round(value, 4) for value in place]
            told["subject_at"] = [round(value, 4) for value in reference.point(place, self.distances[i])]
        return told


class CameraPipeline(DiffusionPipeline):
    """Stage 1, camera first.

        pipe = CameraPipeline.from_pretrained(CameraPipeline.shipped())
        takes = pipe(image, "slowly push in", frames=81, fps=24, seed=0, takes=3)

    The reader turns the prompt into a shot plan, the grounding finds what it names in the picture; each take settles
    the plan (amounts that no number asks are drawn) into a storyboard, and the transformer moves the camera through
    it. Text encoder and picture features are not saved with the pipeline: both come installed, the first in its own
    package, and load with the first prompt.
    """

    def __init__(
        self,
        reader: ShotReader,
        transformer: CameraTransformer,
        grounding: Grounding,
        scheduler: FlowMatchEulerDiscreteScheduler,
    ):
        super().__init__()
        self.register_modules(reader=reader, transformer=transformer, grounding=grounding, scheduler=scheduler)
        self._seen: tuple[str, Seen | None] = "", None

    @staticmethod
    def shipped() -> Path:
        """The folder of the weights that come with Dollygrip."""
        return Path(__file__).parents[1] / "weights" / "predictor"

    @staticmethod
    def fresh_scheduler() -> FlowMatchEulerDiscreteScheduler:
        """The scheduler that the network is trained for."""
        return FlowMatchEulerDiscreteScheduler(shift=NOISE_SHIFT)

    @cached_property
    def text_encoder(self) -> TextEncoder:
        """MiniLM, loaded when first needed."""
        return TextEncoder()

    @cached_property
    def picture_features(self) -> PictureFeatures:
        """What things look like in photographs, loaded when first needed."""
        return PictureFeatures.load(self.transformer.device)

    @cached_property
    def face_detector(self) -> FaceDetector:
        """Where faces are, loaded when words first name a person."""
        return FaceDetector.load(self.transformer.device)

    @cached_property
    def thing_detector(self) -> ThingDetector:
        """Where everyday things are, loaded when words first name one."""
        return ThingDetector.load(str(self.transformer.device))

    @torch.inference_mode()
    def __call__(
        self,
        image: np.ndarray,
        prompt: str,
        frames: int = 81,
        fps: float = 24.0,
        seed: int = 0,
        takes: int = 1,
        size: tuple[int, int] | None = None,
        view_degrees: float | None = None,
        scene_depth: float | None = None,
        depth: np.ndarray | None = None,
        strength: float = 1.0,
        centre: tuple[float, float] = (0.5, 0.5),
        subject: tuple[float, float] | None = None,
        subject_depth: float | None = None,
        constraints: Constraints | None = None,
        up: tuple[float, float, float] = SKY,
        steps: int = 10,
        guidance: float = 1.0,
        progress: Progress | None = None,
    ) -> list[Trajectory]:
        """Predict `takes` cameras that obey `prompt` in different ways; take k is the same however many are drawn.

        image: uint8 (H, W, 3), the reference, which frame 0 of every take sees. size: (width, height) of the
        trajectory, the image's by default; another aspect crops the image about its centre, and what goes sideways
        goes as far as suits what is left. view_degrees:
        horizontal field of view of the uncropped image, 50 by default. depth: (H, W) along +Z, any positive unit;
        scene_depth: median depth in the same unit, by default that of `depth`, else 1; distances in metres in a prompt
        mean this unit. strength: factor on amounts that the prompt does not give in numbers; at 0 only numbers are met.
        centre: (x, y) in the image from 0 to 1 where a shifted lens has its optical axis; view_degrees are those
        without shift. subject: (x, y) in the image that an orbit turns about and a push-in goes to; subject_depth: its
        own, by default what `depth` has there. constraints: keyframes and a path that the takes pass through; the
        prompt says when the path is walked. up: where the sky is in the reference camera's axes, right, down, forward:
        pans, orbits and cranes go by it; by default the camera stands level. progress(done, steps) may raise to cancel.

        Every take's meta tells how the prompt was understood ("plan", for people, as `predictor.plan` says, with the
        ways that the take chose where the words leave them open, and "phase_ends", the shares of the time at which its
        phases end), the words that it does not know where they are many ("strange", [] where there are no words at all:
        the camera is a guess then), the words for a thing of the picture that it goes by ("named"), where in the
        picture that is found ("subject") and where in the axes of the camera that took it, in the trajectory's unit
        ("subject_at"; neither where it is not found), and, where a depth is given, how close it comes to a visible
        surface in scene depths ("clearance", None if not nearer than its start). Raises InputError for anything that
        cannot be used, naming it.
        """
        check_image(image)
        check_prompt(prompt)
        check_numbers(
            frames=frames,
            fps=fps,
            seed=seed,
            takes=takes,
            strength=strength,
            view_degrees=view_degrees,
            scene_depth=scene_depth,
            centre=centre,
            subject=subject,
            subject_depth=subject_depth,
            up=up,
        )
        check_depth(depth, image)
        reference = Reference.of(image, view_degrees, scene_depth, depth, subject_depth, centre, up)
        constraints = constraints or Constraints()
        constraints.check(frames, reference.scene_depth)
        constraints = constraints.levelled(reference.level)
        shots = self.read([prompt], reference, subject)
        if constraints.path is not None:
            shots = self._along(shots, prompt, reference, subject)
        cropped = reference.share_of_width(size)
        order = Order(frames, (frames - 1) / fps, seed, takes, strength, constraints, cropped)
        made = self._takes(shots, reference, order, steps, guidance, progress)
        told = {"prompt": prompt, "seed": seed, **self._strange(prompt), **shots.told(0, reference)}
        return [
            reference.trajectory(channels, fps, size, {**told, "take": k, **meta})
            for k, (channels, meta) in enumerate(made[0])
        ]

    @torch.inference_mode()
    def look(
        self,
        image: np.ndarray,
        view_degrees: float | None = None,
        scene_depth: float | None = None,
        depth: np.ndarray | None = None,
    ) -> None:
        """Look at a reference before there is a prompt: the first call over it then takes no longer than the next.

        As in `__call__`, of which it changes no result.
        """
        check_image(image)
        check_depth(depth, image)
        reference = Reference.of(image, view_degrees, scene_depth, depth)
        seen = self._see(reference)
        for what in (seen.kinds, seen.faces, seen.things):
            what()
        self._takes(self.read([_HOLD], reference), reference, Order(2, 1.0, 0), steps=1)

    @torch.inference_mode()
    def batch(
        self,
        image: np.ndarray,
        prompts: Sequence[str],
        frames: int = 81,
        fps: float = 24.0,
        seed: int = 0,
        depth: np.ndarray | None = None,
        view_degrees: float | None = None,
        chunk: int = 64,
    ) -> list[Trajectory]:
        """One take for each of many prompts over the same image; what `__call__` gives, several times faster."""
        check_image(image)
        for prompt in prompts or [""]:  # none at all is an empty one
            check_prompt(prompt)
        check_numbers(frames=frames, fps=fps, seed=seed, view_degrees=view_degrees)
        check_depth(depth, image)
        reference = Reference.of(image, view_degrees, None, depth)
        out = []
        for start in range(0, len(prompts), chunk):
            part = list(prompts[start : start + chunk])
            shots = self.read(part, reference)
            made = self._takes(shots, reference, Order(frames, (frames - 1) / fps, seed))
            for i, [(channels, meta)] in enumerate(made):
                told = {"prompt": part[i], "seed": seed, "take": 0, **self._strange(part[i])}
                told |= shots.told(i, reference)
                out.append(reference.trajectory(channels, fps, None, {**told, **meta}))
        return out

    @torch.inference_mode()
    def read(self, prompts: list[str], reference: Reference, subject: tuple[float, float] | None = None) -> Shots:
        """Understand prompts over one reference; a given subject goes before what the words name."""
        prompts = [prompt.translate(_PLAIN_QUOTES) for prompt in prompts]
        prompts = [prompt if self.text_encoder.reads_all_of(prompt) else self._in_brief(prompt) for prompt in prompts]
        if subject is None:
            memory, plans, things = self._understand(prompts, reference)
            both = [self._by_parts(*one, reference) for one in zip(prompts, plans, things, strict=True)]
            plans, things = zip(*both, strict=True) if both else ((), ())
        else:
            _, memory, _, plans = self._read_words(prompts)
            things = [Found(subject)] * len(prompts)
        subjects = [thing.place if thing and thing.meant else None for thing in things]
        plans = [
            plan.sided(thing.side) if thing and not thing.meant else plan
            for plan, thing in zip(plans, things, strict=True)
        ]
        plans = [
            attrs.evolve(_as_said(plan, prompt), toward=found is not None)
            for plan, found, prompt in zip(plans, subjects, prompts, strict=True)
        ]
        distances = [_distance(thing, plan, reference) for thing, plan in zip(things, plans, strict=True)]
        words = [
            thing.words if thing and thing.named > 0 and (thing.meant or plan.goes_by_its_subject) else ""
            for thing, plan in zip(things, plans, strict=True)
        ]
        return Shots(memory, plans, subjects, distances, words)

    def _read_words(self, prompts: Sequence[str]) -> tuple[TextFeatures, Memory, Reading, list[Plan]]:
        text = self.text_encoder.encode(prompts).to(self.transformer.device)
        memory, reading = self.reader(text)
        return text, memory, reading, [plan_of(reading, row, tokens) for row, tokens in enumerate(text.quantities)]

    def _understand(
        self, prompts: Sequence[str], reference: Reference, parts: bool = False
    ) -> tuple[Memory, list[Plan], list[Found | None]]:
        """What prompts ask for and name over one reference. parts: they are those of one, of which only the first tells
        by the way that it turns where in the reference its thing lies."""
        text, memory, reading, plans = self._read_words(prompts)
        turns = [() if parts and row else plan.turns for row, plan in enumerate(plans)]
        see = partial(self._see, reference)
        return memory, plans, self.grounding.find(prompts, text, reading.subject, turns, see, self.text_encoder)

    def _by_parts(
        self, prompt: str, plan: Plan, thing: Found | None, reference: Reference
    ) -> tuple[Plan, Found | None]:
        """The plan and the first thing of a prompt, where its parts are read by themselves if that may tell more."""
        parts = parts_of(prompt, plan)
        if not parts:
            return plan, thing
        _, plans, things = self._understand(parts, reference, parts=True)
        return going_there(plan, thing, list(zip(plans, things, strict=True)))

    def _in_brief(self, prompt: str) -> str:
        """The sentences that ask something of the camera, each read by itself: a scene is described at length, and the
        encoder reads so many words and no more."""
        sentences = [sentence for sentence in _SENTENCE_END.split(prompt) if sentence.strip()]
        *_, plans = self._read_words(sentences)
        asking = [said for said, plan in zip(sentences, plans, strict=True) if str(plan) != _STILL]
        return " ".join(asking) or prompt

    def _along(self, shots: Shots, prompt: str, reference: Reference, subject: tuple[float, float] | None) -> Shots:
        """A prompt's shots on a drawn path, where words that name no move tell how it is walked."""
        if speeds := said_speeds(prompt):
            prompt = speeds.besides or _ONWARD
            shots = self.read([prompt], reference, subject)
        if not any(phase.moves for phase in shots.plans[0].phases):
            walked = self.read([f"{_ONWARD}, {prompt}"], reference, subject)
            shots = walked if str(walked.plans[0]) != _WALK else shots
        [plan], [found] = shots.plans, shots.subjects
        gaze = said_gaze(prompt, plan, found is not None, subject is not None)
        plan = attrs.evolve(walking(plan), gaze=gaze) if gaze else plan
        plan = pacing.to_the_end(plan)
        return attrs.evolve(shots, plans=[at_speeds(plan, speeds) if speeds else plan])

    def _strange(self, prompt: str) -> dict[str, list[str]]:
        words = strange_words(prompt, self.text_encoder)
        return {} if words is None else {"strange": words}

    def _see(self, reference: Reference) -> Seen:
        """What the grounding sees of a reference; the last is kept, for prompts change more often than pictures."""
        if self._seen[0] != reference.fingerprint:
            seen = self.grounding.look_at(reference.image, reference.depth, self.picture_features)
            seen = attrs.evolve(
                seen,
                faces=cache(lambda: self.face_detector.find(reference.image)),
                things=cache(lambda: self.thing_detector.find(reference.image)),
            )
            self._seen = reference.fingerprint, seen
        return self._seen[1]

    def _takes(
        self,
        shots: Shots,
        reference: Reference,
        order: Order,
        steps: int = 10,
        guidance: float = 1.0,
        progress: Progress | None = None,
    ) -> list[list[tuple[np.ndarray, dict]]]:
        """For each prompt and take: channels (frames, 7) in scene depths, and what to tell about them."""
        drawn = [
            drafts(plan, subject, unit, reference, order)
            for plan, subject, unit in zip(shots.plans, shots.subjects, shots.distances, strict=True)
        ]
        clean = self._denoise(drawn, order.seed, shots.memory, steps, guidance, progress)
        return [
            [draft.camera(channels, reference, order) for draft, channels in zip(*both, strict=True)]
            for both in zip(drawn, clean, strict=True)
        ]

    def _denoise(
        self,
        drawn: list[list[Draft]],
        seed: int,
        memory: Memory,
        steps: int,
        guidance: float,
        progress: Progress | None,
    ) -> np.ndarray:
        """Integrate each draft from noise, (B, K, 64, 7); the last step ends at the network's own clean trajectory."""
        inputs = ("storyboard", "known", "given", "condition", "used")
        storyboard, known, given, conditions, used = (self._stacked(drawn, name) for name in inputs)
        x = torch.stack([_noise(seed, k) for k in range(storyboard.shape[1])]).to(storyboard).expand_as(storyboard)
        self.scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), device=x.device)
        memories = [self.transformer.project(memory)]
        if guidance != 1.0:
            memories.append(self.transformer.project(self.reader.unasked(len(drawn))))
        used = used[:, :, None]
        x = x * used
        for i, time in enumerate(self.scheduler.timesteps):
            sigma = self.scheduler.sigmas[i].expand(x.shape[:2])
            clean, *unasked = (
                self.transformer(x, sigma, storyboard, known, given, conditions, m) * used for m in memories
            )
            if unasked:
                clean = unasked[0] + guidance * (clean - unasked[0])
            velocity = (x - clean) / self.scheduler.sigmas[i]
            x = self.scheduler.step(velocity, time, x, return_dict=False)[0]
            if progress:
                progress(i + 1, steps)
        return x.cpu().double().numpy()

    def _stacked(self, drawn: list[list[Draft]], name: str) -> Tensor:
        """(B, K, ...) float32 on the transformer's device: one field of all drafts."""
        values = np.array([[getattr(draft, name) for draft in row] for row in drawn], np.float32)
        return torch.from_numpy(values).to(self.transformer.device)


def _as_said(plan: Plan, prompt: str) -> Plan:
    """The plan with all that rules hear in its prompt."""
    for rule in (named, looked, phrased, paced, timed, held):
        plan = rule(plan, prompt)
    return plan


def _noise(seed: int, take: int) -> Tensor:
    """(64, 7) of one take: its own stream, so takes do not depend on how many are drawn."""
    generator = torch.Generator().manual_seed(int(np.random.default_rng((seed, take)).integers(2**62)))
    return torch.randn(SAMPLES, CHANNELS, generator=generator)


def _distance(thing: Found | None, plan: Plan, reference: Reference) -> float:
    """Over the scene depth. A share of the way is one to where the thing may be, though it is nowhere clearly; between
    several things one sees what lies behind them."""
    if thing and (thing.several or (thing.perhaps is not None and plan.asks_for_a_share)):
        return reference.likely_unit(thing.likely)
    return reference.unit(thing and thing.place)
