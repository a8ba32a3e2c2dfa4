"""Training of the camera predictor: its three networks, one after the other, by one configuration.

    dollygrip train predictor --data .cache/scenes/objects --out out/predictor

The shot reader learns words, the trajectory transformer learns motion with the reader frozen, the grounding learns to
find what the words name in rendered scenes. Each has its own checkpoint; a killed run goes on where it was.
"""

from pathlib import Path

import attrs
from accelerate import PartialState

from dollygrip.errors import InputError
from dollygrip_backend.data.captions import draw_pairs, load_bank, parts_of
from dollygrip_backend.data.grammar import Pair
from dollygrip_backend.data.scenes import SceneDataset
from dollygrip_backend.predictor.grounding import Grounding
from dollygrip_backend.predictor.network import CameraTransformer
from dollygrip_backend.predictor.pipeline import CameraPipeline
from dollygrip_backend.predictor.reader import ShotReader
from dollygrip_backend.training import grounding, reader, trajectory
from dollygrip_backend.training.common import begin_anew, check_apart, finished, keep, read_config, recipe_in
from dollygrip_backend.training.grounding import Config as GroundingConfig
from dollygrip_backend.training.grounding import NamedViews
from dollygrip_backend.training.reader import Config as ReaderConfig
from dollygrip_backend.training.trajectory import Config as TrajectoryConfig

CONFIG = Path(__file__).with_suffix(".toml")
_NETWORKS = {"reader": "reader", "trajectory": "transformer", "grounding": "grounding"}  # tables, parts of a pipeline


@attrs.frozen
class Config:
    """The tables of `predictor.toml`: where a training goes on without [grounding], or without both [reader] and
    [trajectory], these networks stay as they were.

    kept: the share of the weights that a training went on from, of reader and transformer ([grounding] has its own),
    in the mean that it ends with (Wortsman et al., arXiv 2109.01903): what it learns anew then costs little of what it
    knew.
    """

    reader: ReaderConfig | None = None
    trajectory: TrajectoryConfig | None = None
    grounding: GroundingConfig | None = None
    kept: float = 0.0

    def __attrs_post_init__(self) -> None:
        for table in filter(None, (self.reader, self.trajectory)):
            if self.reader and table.batch > self.reader.captions:
                raise ValueError(f"captions = {self.reader.captions} are fewer than batch = {table.batch}")


def train_predictor(
    config: Path = CONFIG,
    scenes: Path = Path(".cache/scenes/objects"),
    out: Path = Path("out/predictor"),
    work: Path = Path(".cache/train/predictor"),
    resume: bool = True,
    start: Path | None = None,
) -> None:
    """Train by the TOML file `config`, write the pipeline to `out`.

    scenes: rendered scenes that name their objects; work: text features, checkpoints and a log of each network; a
    killed run goes on from its last checkpoints unless `resume` is false. start: a saved pipeline, whose weights all
    three go on from, whatever their networks' sizes in `config`. Raises InputError where `config` lacks a table that
    nothing stands in for, where no scene names an object, where `work` holds a checkpoint of another recipe, or where
    `out` is `start`.
    """
    check_apart(start, out)
    settings = read_config(config, Config)
    words, sight = settings.reader is not None, settings.grounding is not None
    if words != (settings.trajectory is not None) or not ((words or sight) if start else (words and sight)):
        raise InputError(
            f"The training configuration {config} lacks one of the tables [reader], [trajectory] and [grounding].",
            "Where a training goes on (--start), leave out the last or both of the others, else none.",
        )
    data: dict[str, list] = {"grounding": SceneDataset(scenes).contents} if sight else {}
    pairs = draw_pairs(settings.reader.captions, settings.reader.seed) if words else []
    if words:
        data["reader"] = data["trajectory"] = parts_of(pairs)
    for table, known in data.items():  # each is checked as it begins, too, which may be hours from now
        recipe_in(work / table, getattr(settings, table), known, resume, start / _NETWORKS[table] if start else None)
    views = NamedViews(scenes) if sight else None
    if not resume:
        for table in data:  # all at once: a run that is killed in the first of them goes on from none of the others
            begin_anew(work / table)
    if words:
        shot_reader, transformer = _train_words(settings, pairs, work, resume, start)
    else:
        shot_reader = finished(ShotReader, start / "reader")
        transformer = finished(CameraTransformer, start / "transformer")
    if sight:
        found = grounding.train_grounding(
            settings.grounding, views, work / "grounding", resume, start / "grounding" if start else None
        )
        if start:
            keep(settings.grounding.kept, found, start / "grounding")
    else:
        found = finished(Grounding, start / "grounding")
    pipeline = CameraPipeline(shot_reader.half(), transformer.half(), found.half(), CameraPipeline.fresh_scheduler())
    if PartialState().is_main_process:
        pipeline.save_pretrained(out)


def _train_words(
    settings: Config, pairs: list[Pair], work: Path, resume: bool, start: Path | None
) -> tuple[ShotReader, CameraTransformer]:
    """What learns from prompts alone: the shot reader, then the transformer that reads its memory."""
    with PartialState().main_process_first():  # the others find its text features in the cache
        bank = load_bank(pairs, work / "captions")
    begin = {name: start / name if start else None for name in ("reader", "transformer")}
    shot_reader = reader.train_reader(settings.reader, bank, work / "reader", resume, begin["reader"])
    transformer = trajectory.train_trajectory(
        settings.trajectory, bank, shot_reader, work / "trajectory", resume, begin["transformer"]
    )
    if start:
        keep(settings.kept, shot_reader, start / "reader")
        keep(settings.kept, transformer, start / "transformer")
    return shot_reader, transformer
