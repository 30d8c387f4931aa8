import json
import re
import urllib.request

import pytest

SCRIPTS = ["app.js", "card.js", "events.js", "tip.js", "tokens.js"]


def get(server, path):
    with urllib.request.urlopen(server.rest_url + path, timeout=20) as response:
        return response.headers, response.read().decode()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/web/style.css", "text/css"),
        *((f"/web/{name}", "text/javascript") for name in SCRIPTS),
    ],
)
def test_the_page_and_its_parts_are_served_under_a_policy(stepwise_server, path, kind):
    headers, text = get(stepwise_server, path)
    assert headers["Content-Type"].startswith(kind)
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert not re.search(r"https?://|innerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_every_element_that_the_script_asks_for_is_in_the_page(stepwise_server):
    _, page = get(stepwise_server, "/")
    _, script = get(stepwise_server, "/web/app.js")
    ids = set(re.findall(r'element\("(\w+)"\)', script))
    assert ids
    assert ids <= set(re.findall(r'id="(\w+)"', page))


def test_the_models_are_described(stepwise_server, stepwise_dir):
    extra = stepwise_dir / "1" / "assets.extra"
    extra.mkdir(exist_ok=True)
    manifest = extra / "lexmill.json"
    network = {"family": "lstm", "num_layers": 3, "dropout": 0.5}
    manifest.write_text(
        json.dumps({"num_parameters": 5, "context_length": 96, "model": network, "secret": 1})
    )
    try:
        described = json.loads(get(stepwise_server, "/web/models")[1])
    finally:
        manifest.unlink()
    [version] = described["models"][0]["versions"]
    assert version["num_parameters"] == 5
    assert version["network"] == {"family": "lstm", "style": None, "num_layers": 3, "hidden_dim": None}
    assert "secret" not in version
    plain = json.loads(get(stepwise_server, "/web/models")[1])
    assert plain == {"models": [{"name": "tiny", "versions": [{"version": 1, "streams": True}]}]}
