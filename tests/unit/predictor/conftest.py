import pytest

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
