"""What several packages' tests share: libraries kept quiet, one small tokenizer, a browser."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
    parser.addoption(
        "--store",
        default="gs",
        choices=["gs", "s3"],
        help="object storage that tests/pipeline/conformance/test_tiny.py runs the pipeline through",
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


BROWSER_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _chromium() -> str | None:
    """A Chromium that starts: Ubuntu's package may be a stub that asks for snap."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0:
            return path
    return None


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, driven by Playwright. Not for the session: while it is there, Playwright's
    event loop counts as running in this thread, and nothing else may use `asyncio.run`."""
    path = _chromium()
    if not path:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield browser
        browser.close()


class Watch:
    """What went wrong on a page: errors in the console, requests that failed or left the page's origin."""

    def __init__(self, page: Any, url: str) -> None:
        self.expected: list[str] = []
        """Patterns of what may go wrong."""
        self._origin = urlsplit(url)[:2]
        self._found: list[str] = []
        page.on("console", lambda message: message.type == "error" and self._add("console", message.text))
        page.on("pageerror", lambda error: self._add("error", error))
        page.on("requestfailed", self._failed)
        page.on("response", lambda response: response.status >= 400 and self._refused(response))
        page.on("request", self._requested)

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self._found if not any(re.search(one, text) for one in self.expected)]

    def _add(self, kind: str, what: object) -> None:
        self._found.append(f"{kind}: {what}")

    def _failed(self, request: Any) -> None:
        # The page's own doing, and how Chromium names a streamed body that was read to its end.
        if request.failure != "net::ERR_ABORTED":
            self._add("failed", f"{request.url}: {request.failure}")

    def _refused(self, response: Any) -> None:
        self._add("status", f"{response.status} {response.url}")

    def _requested(self, request: Any) -> None:
        scheme, netloc = urlsplit(request.url)[:2]
        if scheme not in ("data", "blob") and (scheme, netloc) != self._origin:
            self._add("elsewhere", request.url)


@pytest.fixture
def browser_page(browser: Any) -> Iterator[Any]:
    """Opens a URL (``http:``, ``file:``) in a page of its own; options as of Playwright's `new_context`.

    The test fails at its end if anything went wrong on the page, but for what matches a pattern in
    ``page.watch.expected``. The page's own content security policy holds, so expressions given as
    strings are not evaluated: use locators.
    """
    contexts, watches = [], []

    def open_page(url: str, **options: Any) -> Any:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        # Generous, for a machine that others keep busy.
        page.set_default_timeout(120_000)
        page.watch = Watch(page, url)
        watches.append(page.watch)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for watch in watches for text in watch.unexpected] == []


def _byte_pairs(special_tokens: list[str]) -> tuple[dict[str, int], list[str]]:
    """A vocabulary of special tokens, the bytes, and what a few merges make."""
    from models.tokenizing import byte_pairs

    vocabulary = {token: index for index, token in enumerate(special_tokens)}
    for character in byte_pairs.byte_characters():
        vocabulary.setdefault(character, len(vocabulary))
    merges = ["t h", "th e", "Ġ the", "i n", "o w", "q u", "qu i", "' s", "Ã ©", "Ġ Ġ"]
    for merge in merges:
        vocabulary[merge.replace(" ", "")] = len(vocabulary)
    return vocabulary, merges


def _preset_sentence_pieces(**options: object) -> bytes:
    """As Llama's: a space before every text, written as a piece's first character, and byte fallback."""
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([TEXT] * 20), model_writer=model, vocab_size=330, model_type="bpe",
        byte_fallback=True, hard_vocab_limit=False, minloglevel=2, **options,
    )  # fmt: skip
    return model.getvalue()


@pytest.fixture(scope="session")
def make_preset(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes a tiny preset of one kind, as ``save_to_preset`` does; each is made once. Its weights are
    large enough that no two logits are close."""
    import keras
    import keras_hub

    root, models = tmp_path_factory.mktemp("presets"), keras_hub.models
    llama_like = {"num_layers": 2, "num_query_heads": 4, "num_key_value_heads": 2, "hidden_dim": 16}
    gpt_like = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "max_sequence_length": 64}

    def parts(kind: str) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        if kind == "gpt2":
            tokenizer = models.GPT2Tokenizer(*_byte_pairs(["<|endoftext|>", "<unused>"]))
            return (
                tokenizer,
                models.GPT2Backbone,
                models.GPT2CausalLM,
                models.GPT2CausalLMPreprocessor,
                gpt_like,
            )
        if kind == "opt":
            tokenizer = models.OPTTokenizer(*_byte_pairs(["<s>", "<pad>", "</s>", "<unk>"]))
            return tokenizer, models.OPTBackbone, models.OPTCausalLM, models.OPTCausalLMPreprocessor, gpt_like
        if kind == "gemma":
            pieces = {"pad_piece": "<pad>", "bos_piece": "<bos>", "eos_piece": "<eos>", "unk_piece": "<unk>"}
            proto = _preset_sentence_pieces(pad_id=0, eos_id=1, bos_id=2, unk_id=3, **pieces)
            shape = {**llama_like, "head_dim": 8}
            return (
                models.GemmaTokenizer(proto), models.GemmaBackbone, models.GemmaCausalLM,
                models.GemmaCausalLMPreprocessor, shape,
            )  # fmt: skip
        proto = _preset_sentence_pieces(unk_id=0, bos_id=1, eos_id=2)
        names = {"llama": "Llama", "mistral": "Mistral"}[kind]
        tokenizer, *classes = (
            getattr(models, names + end)
            for end in ("Tokenizer", "Backbone", "CausalLM", "CausalLMPreprocessor")
        )
        shape = {**llama_like, "sliding_window": 6} if kind == "mistral" else llama_like
        return tokenizer(proto), *classes, shape

    def make(kind: str) -> Path:
        folder = root / kind
        if folder.exists():
            return folder
        keras.utils.set_random_seed(3)
        tokenizer, backbone_class, task_class, preprocessor_class, shape = parts(kind)
        # Gemma's table has more rows than its tokenizer has tokens.
        size = tokenizer.vocabulary_size() + (6 if kind == "gemma" else 0)
        backbone = backbone_class(vocabulary_size=size, intermediate_dim=32, **shape)
        for variable in backbone.trainable_variables:
            if len(variable.shape) >= 2 and variable.name != "bias":
                variable.assign(variable * 4.0)
        task_class(backbone, preprocessor_class(tokenizer, sequence_length=32)).save_to_preset(str(folder))
        return folder

    return make
