import pytest

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
