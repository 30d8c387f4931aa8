"""What several packages' tests share: libraries kept quiet, one small tokenizer, a browser."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from pipeline import quiet

quiet.set_environment()

import pytest  # noqa: E402


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
