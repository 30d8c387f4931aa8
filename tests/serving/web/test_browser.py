"""The page in a real browser, with models that really generate."""

import json
import math
import re
import shutil
import threading
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from serving.client import Client
from serving.language_extension import LanguageExtension
from serving.server import Server, ServerConfig

PROMPT = "The quick brown fox"
BOTH_VERSIONS = """
model_config_list {{ config {{
  name: "tiny" base_path: "{base_path}" model_platform: "tensorflow" model_version_policy {{ all {{ }} }}
}} }}
"""


@pytest.fixture(scope="module")
def two_versions(stepwise_dir, tmp_path_factory):
    """The Transformer as version 1, and one with other weights, which was evaluated, as version 2."""
    base_path = tmp_path_factory.mktemp("two")
    for version in ("1", "2"):
        shutil.copytree(stepwise_dir / "1", base_path / version)
    variables = str(base_path / "2" / "variables" / "variables")
    reader = tf.train.load_checkpoint(variables)
    tensors = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    changed = [np.roll(one, 1, axis=0) if np.ndim(one) == 2 else one for one in tensors.values()]
    tf.raw_ops.SaveV2(
        prefix=variables, tensor_names=[*tensors], shape_and_slices=[""] * len(tensors), tensors=changed
    )
    for version, bits in ((1, 2.5), (2, 2.25)):
        manifest = base_path / str(version) / "assets.extra" / "lexmill.json"
        manifest.parent.mkdir(exist_ok=True)
        evaluation = {"overall": {"bits_per_byte": bits, "perplexity": 20.0}, "source:plays": {"loss": 3.0}}
        network = {"family": "transformer", "style": "gpt2", "num_layers": 2, "hidden_dim": 32}
        manifest.write_text(json.dumps({"model": network, "num_parameters": 12345, "evaluation": evaluation}))
    config_file = base_path / "models.config"
    config_file.write_text(BOTH_VERSIONS.format(base_path=base_path))
    with Server(
        ServerConfig(port=0, rest_api_port=0, model_config_file=str(config_file)), [LanguageExtension]
    ) as server:
        yield server


class Pace:
    """Lets the engines of a server make a token only when the test says so."""

    def __init__(self, server, monkeypatch):
        self.steps = threading.Semaphore(0)
        self.stepping = set()
        """Engines that were given a step."""
        pools = server._extensions[0]._service._engines.values()
        self.engines = [engine for pool in pools for engine in pool.engines]
        for engine in self.engines:
            monkeypatch.setattr(engine, "_step", lambda engine=engine: self._step(engine))

    def _step(self, engine):
        self.steps.acquire()
        self.stepping.add(engine)
        engine._batch.step(1)

    def give(self, num_steps):
        self.steps.release(num_steps)


@pytest.fixture
def pace(two_versions, monkeypatch):
    paced = Pace(two_versions, monkeypatch)
    yield paced
    paced.give(10_000)


def fill(page, prompt=PROMPT, **settings):
    page.fill("#prompt", prompt)
    for name, value in {"temperature": 0, "max_new_tokens": 30, **settings}.items():
        page.fill(f"#{name}", str(value))


def finish(page):
    page.wait_for_selector("#cancel:disabled")


def generated(card):
    """Without the prompt."""
    return "".join(card.locator(".output > span:not(.given)").all_text_contents())


def by_grpc(server, version, prompt=PROMPT, **settings):
    settings = {"temperature": 0.0, "max_new_tokens": 30, **settings}
    with Client(server.grpc_address, model="tiny", version=version) as client:
        return client.generate([prompt], **settings)[0]


def test_text_appears_as_it_grows_and_is_the_models(two_versions, browser_page, pace):
    page = browser_page(two_versions.rest_url)
    fill(page)
    page.click("#go")
    pace.give(4)
    page.wait_for_selector(".token >> nth=3")
    assert page.is_enabled("#cancel")
    assert page.is_disabled("#go")
    early = generated(page)
    pace.give(100)
    finish(page)
    whole = by_grpc(two_versions, 2).text
    assert generated(page) == whole
    assert whole.startswith(early)
    assert len(early) < len(whole)
    assert page.locator(".given").text_content() == PROMPT
    assert "30 tokens" in page.locator(".outcome").first.text_content()
    assert "as long as asked for" in page.locator(".outcome").first.text_content()


def test_tokens_are_coloured_by_their_probability(two_versions, browser_page):
    page = browser_page(two_versions.rest_url)
    fill(page, max_new_tokens=60)
    with page.expect_request("**:generateStream") as asked:
        page.click("#go")
    finish(page)
    with urllib.request.urlopen(asked.value.url, asked.value.post_data_buffer, timeout=60) as response:
        blocks = [block for block in response.read().decode().split("\n\n") if block]
    tokens = [token for block in blocks for token in json.loads(block.removeprefix("data: "))["tokens"]]
    expected = [
        (token["text"], sum(math.exp(token["log_probability"]) >= bound for bound in (0.01, 0.05, 0.2, 0.5)))
        for token in tokens
        if "bytes" not in token and token["text"]
    ]
    spans = [
        (span.text_content(), int(re.search(r"\bp(\d)", span.get_attribute("class"))[1]))
        for span in page.locator(".token").all()
    ]
    assert expected
    assert [span for span in spans if span in expected] == [one for one in expected if one in spans]
    assert set(expected) <= set(spans)


def test_each_shade_of_probability_has_its_colour(two_versions, browser_page):
    page = browser_page(two_versions.rest_url)
    given = [
        token(letter, value=value)
        for letter, value in zip("abcde", (0.002, 0.03, 0.1, 0.4, 0.9), strict=True)
    ]
    answer(page, [event("abcde", *given, finish_reason="stop")])
    page.click("#go")
    finish(page)
    shades = ["token p0", "token p1", "token p2", "token p3", "token p4"]
    assert [span.get_attribute("class") for span in page.locator(".token").all()] == shades
    colours = {
        shade: page.locator(f".key .{shade}").evaluate("node => getComputedStyle(node).backgroundColor")
        for shade in ("p0", "p1", "p2", "p3", "p4")
    }
    assert len(set(colours.values())) == 5


def test_pointing_at_a_token_or_moving_to_it_shows_what_else_was_likely(two_versions, browser_page):
    page = browser_page(two_versions.rest_url)
    fill(page)
    page.click("#go")
    finish(page)
    page.locator(".token").nth(2).hover()
    assert page.locator("#tip").is_visible()
    assert "Token 3: " in page.locator("#tip").text_content()
    assert page.locator("#tip li").count() >= 5
    assert page.locator("#tip li.chosen").count() == 1
    page.mouse.move(0, 0)
    assert page.locator("#tip").is_hidden()
    page.locator(".output").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert "Token 2: " in page.locator("#tip").text_content()
    assert "Likeliest: " in page.locator("#spoken").text_content()
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_two_versions_write_side_by_side_at_once(two_versions, browser_page, pace):
    page = browser_page(two_versions.rest_url)
    page.check("#compare")
    fill(page)
    cards = page.locator("article")
    chosen = [cards.nth(index).locator("select").input_value() for index in (0, 1)]
    assert chosen == ["tiny/versions/2", "tiny/versions/1"]
    page.click("#go")
    while sum(len(engine._batch) for engine in pace.engines) < 2:
        page.wait_for_timeout(10)
    while len(pace.stepping) < 2:
        pace.give(1)
        page.wait_for_timeout(10)
    for index in (0, 1):
        cards.nth(index).locator(".token").first.wait_for()
    assert page.is_enabled("#cancel")
    pace.give(200)
    finish(page)
    texts = [generated(cards.nth(index)) for index in (0, 1)]
    assert texts == [by_grpc(two_versions, 2).text, by_grpc(two_versions, 1).text]
    assert texts[0] != texts[1]


def test_the_version_and_its_evaluation_are_shown_and_compared(two_versions, browser_page):
    page = browser_page(two_versions.rest_url)
    page.check("#compare")
    facts = page.locator(".facts").all_text_contents()
    assert facts[0] == ("2.250 bits per byte · GPT-2 style Transformer, 2 layers of 32 · 12,345 parameters")
    assert facts[1].startswith("2.500 bits per byte (0.250 worse) · ")
    page.locator("article").nth(1).locator("select").select_option("tiny/versions/2")
    assert "(the same)" in page.locator(".facts").nth(1).text_content()
    page.locator("summary").first.click()
    rows = page.locator("table").first.locator("tbody tr").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["overall", "2.250", "20.00", "–"],
        ["source", "plays", "–", "–", "3.000"],
    ]


@pytest.mark.parametrize("how", ["the button", "the Escape key"])
def test_stop_ends_the_work_on_the_server(two_versions, browser_page, pace, how):
    page = browser_page(two_versions.rest_url)
    fill(page, max_new_tokens=90)
    page.click("#go")
    pace.give(2)
    page.wait_for_selector(".token >> nth=1")
    [engine] = [engine for engine in pace.engines if len(engine._batch)]
    [continuation] = engine._batch.continuations()
    if how == "the button":
        page.click("#cancel")
    else:
        page.keyboard.press("Escape")
    finish(page)
    assert page.locator(".outcome").first.text_content().endswith("stopped")
    ended = threading.Event()
    continuation.call.when_cancelled(ended.set)
    assert ended.wait(30)
    pace.give(1)
    while len(engine._batch):
        page.wait_for_timeout(10)
    assert continuation.num_tokens <= 4
    assert page.is_enabled("#go")


def test_a_refusal_is_shown_in_words(two_versions, browser_page):
    page = browser_page(two_versions.rest_url)
    page.watch.expected += ["console: .* 400", "status: 400"]
    fill(page, prompt="word " * 400)
    page.click("#go")
    finish(page)
    assert page.locator(".given").count() == 0
    assert "a prompt may have at most 95 tokens" in page.locator("article [role=alert]").first.text_content()
    fill(page)
    page.click("#go")
    finish(page)
    assert page.locator("article [role=alert]").first.is_hidden()


def test_an_error_in_the_middle_is_shown_under_the_text_so_far(two_versions, browser_page, monkeypatch):
    pools = two_versions._extensions[0]._service._engines.values()
    for engine in (engine for pool in pools for engine in pool.engines):

        def step(engine=engine):
            if max(row.num_tokens for row in engine._batch.continuations()) >= 3:
                raise RuntimeError("the accelerator is gone")
            engine._batch.step(1)

        monkeypatch.setattr(engine, "_step", step)
    page = browser_page(two_versions.rest_url)
    fill(page)
    page.click("#go")
    finish(page)
    assert "the accelerator is gone" in page.locator("article [role=alert]").first.text_content()
    assert generated(page) != ""


def test_a_wrong_setting_is_not_sent(two_versions, browser_page):
    page = browser_page(two_versions.rest_url)
    fill(page, top_p=3)
    page.click("#go")
    assert page.locator("#top_p:invalid").count() == 1
    assert page.locator(".given").count() == 0


def test_stop_strings_are_one_a_line_and_may_hold_line_breaks(two_versions, browser_page):
    whole = by_grpc(two_versions, 2).text
    stop = whole[5:8]
    page = browser_page(two_versions.rest_url)
    fill(page, stop="never\\n\\nnever\n" + stop.replace("\n", "\\n"))
    with page.expect_request("**:generateStream") as asked:
        page.click("#go")
    finish(page)
    assert asked.value.post_data_json["stop"] == ["never\n\nnever", stop]
    assert generated(page) == whole[: whole.index(stop)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_characters_cut_across_tokens_are_shown_whole(two_versions, browser_page, seed):
    """At this temperature all tokens are about as likely, four fifths of them single bytes."""
    page = browser_page(two_versions.rest_url)
    fill(page, temperature=100, max_new_tokens=80, seed=seed)
    page.click("#go")
    finish(page)
    expected = by_grpc(two_versions, 2, temperature=100.0, max_new_tokens=80, seed=seed).text
    assert "\ufffd" in expected
    assert generated(page) == expected
    assert "".join(page.locator(".token").all_text_contents()) == expected


def token(text="", data=None, value=0.4):
    alternatives = [{"text": "x", "log_probability": -0.5}]
    found = {"text": text, "log_probability": math.log(value), "alternatives": alternatives}
    return found if data is None else {**found, "bytes": list(data)}


def event(text, *tokens, **more):
    return {"text": text, "num_tokens": len(tokens), "tokens": list(tokens), **more}


def answer(page, events):
    """Answers for the server."""
    body = "".join(f"data: {json.dumps(one)}\n\n" for one in events)
    page.route("**:generateStream", lambda route: route.fulfill(body=body, content_type="text/event-stream"))


@pytest.mark.parametrize(
    ("events", "pieces"),
    [
        (
            [event("a", token("a"), token(data=b"\xc3")), event("\u00e9!", token(data=b"\xa9"), token("!"))],
            ["a p3", "\u00e9 p2", "! p3"],
        ),
        ([event("", token(data=b"\xe2"), token(data=b"\x82"))], []),
        (
            [event("\ufffd\ufffdok", token(data=b"\xe2"), token(data=b"\x82"), token("ok"))],
            ["\ufffd p3", "\ufffd p3", "ok p3"],
        ),
        ([event("the ", token("the e")), event("entire", token("n"), token("tire"))], None),
        ([event("the ", token("the e"), token("nd"))], ["the  p3"]),
        ([event("something else", token("a"))], ["something else "]),
    ],
    ids=["a character of two tokens", "no end", "not UTF-8", "held back", "cut at a stop string", "at odds"],
)
def test_each_piece_of_text_has_its_tokens(two_versions, browser_page, events, pieces):
    events = [*events, event("", finish_reason="length")]
    page = browser_page(two_versions.rest_url)
    answer(page, events)
    page.click("#go")
    finish(page)
    found = [
        f"{span.text_content()} {(span.get_attribute('class') or '').removeprefix('token ')}"
        for span in page.locator(".output > span:not(.given)").all()
    ]
    assert generated(page) == "".join(one["text"] for one in events)
    assert pieces is None or found == pieces


def test_an_answer_that_breaks_off_is_said_to(two_versions, browser_page):
    page = browser_page(two_versions.rest_url)
    answer(page, [event("a", token("a"))])
    page.click("#go")
    finish(page)
    assert "before the text ended" in page.locator("article [role=alert]").first.text_content()
    assert generated(page) == "a"


def test_a_model_that_generates_no_text_is_listed_and_explained(numeric_dir, config, browser_page):
    with Server(config("numeric", numeric_dir), [LanguageExtension]) as server:
        page = browser_page(server.rest_url)
        page.wait_for_selector("#problem:visible")
        assert "numeric, version 3: loaded, but without what generates text" in page.text_content("#problem")
        assert page.is_disabled("#go")


def test_without_a_model_the_page_says_so_and_a_stopped_server_too(numeric_dir, config, browser_page):
    with Server(config("numeric", numeric_dir), [LanguageExtension]) as server:
        request = model_management_pb2.ReloadConfigRequest()
        request.config.model_config_list.SetInParent()
        with grpc.insecure_channel(server.grpc_address) as channel:
            model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=60)
        page = browser_page(server.rest_url)
        page.watch.expected.append("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")
        page.wait_for_selector("#problem:visible")
        assert "No model is loaded" in page.text_content("#problem")
        assert page.is_disabled("#go")
    page.locator("#problem", has_text="The server does not answer").wait_for()


def test_a_request_to_a_stopped_server_is_explained(stepwise_dir, config, browser_page):
    with Server(config("tiny", stepwise_dir), [LanguageExtension]) as server:
        page = browser_page(server.rest_url)
        page.watch.expected.append("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")
        page.wait_for_selector("#go:enabled")
    page.click("#go")
    finish(page)
    assert "The server does not answer" in page.locator("article [role=alert]").first.text_content()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(two_versions, browser_page, width):
    page = browser_page(two_versions.rest_url, viewport={"width": width, "height": 800})
    page.check("#compare")
    fill(page, prompt="w" * 60, max_new_tokens=5)
    page.locator("summary").first.click()
    page.click("#go")
    finish(page)
    assert page.locator("html").evaluate("node => node.scrollWidth") <= width
