"""The README's section on calling the model, run against a server."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
SECTION = README.read_text(encoding="utf-8").split("## Calling the model\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture
def adapted(stepwise_server, stepwise_dir):
    """A block's code, for the server and the model at hand."""
    replaced = {
        "serving_models/shakespeare": str(stepwise_dir),
        "127.0.0.1:8500": stepwise_server.grpc_address,
        "http://127.0.0.1:8501": stepwise_server.rest_url,
        "shakespeare": "tiny",
    }

    def adapted(code: str) -> str:
        return re.sub("|".join(map(re.escape, replaced)), lambda match: replaced[match[0]], code)

    return adapted


@pytest.mark.parametrize("code", [code for kind, code in BLOCKS if kind == "python"])
def test_every_python_block_works_as_printed(code, adapted, capsys):
    exec(compile(adapted(code), "README.md", "exec"), {"__name__": "__main__"})
    shown = capsys.readouterr().out
    assert shown.strip()
    # The block on failures prints them.
    assert "Code." not in shown


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
@pytest.mark.parametrize("code", [code for kind, code in BLOCKS if kind == "sh"])
def test_every_shell_block_works_as_printed(code, adapted):
    done = subprocess.run(
        ["bash", "-ec", adapted(code)], capture_output=True, text=True, timeout=60, check=True
    )
    assert '"log_probability"' in done.stdout


def test_there_are_blocks_to_run():
    assert [kind for kind, _ in BLOCKS].count("python") >= 5
    for word in ("AsyncClient", "RestClient", "client.stream", "Retries(", "serving.pipeline("):
        assert any(word in code for _, code in BLOCKS), word
