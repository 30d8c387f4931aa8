"""What several packages' tests share: libraries kept quiet, one small tokenizer."""

import os

from pipeline import quiet

quiet.set_environment()

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# The first example of a property loads what it is about, and the machine may be busy with other work.
settings.register_profile("lexmill", deadline=None)
settings.load_profile("lexmill")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--server",
        default=os.environ.get("LEXMILL_SERVER"),
        metavar="HOST:PORT,HOST:PORT",
        help="gRPC and REST addresses of the server that tests/serving/contract asks (default: embedded)",
    )


TEXT = (
    "The quick brown fox jumps over the lazy dog. Pack my box with five dozen liquor jugs!\n"
    "How vexingly quick daft zebras jump; sphinx of black quartz, judge my vow.\n\n"
)


@pytest.fixture(scope="session")
def tokenizer_proto() -> bytes:
    """A SentencePiece model of 320 pieces."""
    from components.config import TokenizerConfig
    from components.tokenizer_trainer import training

    texts = [TEXT.replace("fox", animal) for animal in ("fox", "owl", "cat", "hen")] * 3
    return training.train(texts, TokenizerConfig(vocabulary_size=320))
