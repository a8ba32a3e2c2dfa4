import numpy as np
import pytest

from dollygrip_backend.evaluation.judge import components
from dollygrip_backend.predictor import CameraPipeline
from dollygrip_backend.predictor.picture_features import PictureFeatures
from dollygrip_backend.predictor.text import TextEncoder, TextFeatures


@pytest.fixture(scope="session")
def encoder() -> TextEncoder:
    return TextEncoder()


@pytest.fixture(scope="session")
def text_of(encoder):
    """Prompts -> their features by the real text encoder."""

    def encode(prompts: list[str]) -> TextFeatures:
        return encoder.encode(prompts)

    return encode


@pytest.fixture(scope="session")
def picture_features() -> PictureFeatures:
    return PictureFeatures.load()


@pytest.fixture(scope="session")
def shipped() -> CameraPipeline:
    return CameraPipeline.from_pretrained(CameraPipeline.shipped())


@pytest.fixture(scope="session")
def speed_of(shipped):
    """Prompt -> how fast one of the judge's axes changes over the first take on a grey picture, (frames - 1,)."""

    def measure(prompt: str, axis: int, **options) -> np.ndarray:
        [take] = shipped(np.full((64, 96, 3), 128, np.uint8), prompt, **options)
        return np.abs(np.diff(components(take)[:, axis]))

    return measure
