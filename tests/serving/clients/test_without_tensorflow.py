"""The clients in processes that cannot have TensorFlow."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
UV = ROOT / ".tools" / "uv" / "bin" / "uv"

FORBIDDEN = ("tensorflow", "tensorflow_serving", "tensorflow_text", "numpy", "keras", "aiohttp", "pydantic")

ASK = f"""
import asyncio, json, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{forbidden}}:
            raise ImportError(f"{{{{name}}}} is not to be had here")

sys.meta_path.insert(0, Forbidden())
sys.path.insert(0, {str(ROOT)!r})

import serving
from serving.client import AsyncClient, AsyncRestClient, Client, RestClient

grpc_address, rest_url, has_grpc = sys.argv[1], sys.argv[2], sys.argv[3] == "grpc"
greedy = {{{{"max_new_tokens": 12, "temperature": 0.0}}}}
said = {{{{}}}}

def ask(client):
    client.wait_until_ready(timeout_s=30)
    [version] = client.model_status()
    [score] = client.score(["The quick"])
    [text] = client.generate(["The quick"], **greedy)
    chunks = "".join(chunk.text for chunk in client.stream("The quick", **greedy))
    return [version.state, score.num_bytes, round(score.log_probability, 4), text.text, chunks]

async def ask_async(client):
    async with client:
        await client.wait_until_ready(timeout_s=30)
        [version] = await client.model_status()
        [score] = await client.score(["The quick"])
        [text] = await client.generate(["The quick"], **greedy)
        chunks = "".join([chunk.text async for chunk in client.stream("The quick", **greedy)])
    return [version.state, score.num_bytes, round(score.log_probability, 4), text.text, chunks]

def texts(target):
    with serving.pipeline("text-generation", target, model="tiny") as pipe:
        [record] = pipe("The quick", do_sample=False, max_new_tokens=12, return_full_text=False)
    return record["generated_text"]

said["REST"] = ask(RestClient(rest_url, "tiny"))
said["async REST"] = asyncio.run(ask_async(AsyncRestClient(rest_url, "tiny")))
pipelines = [texts(rest_url)]
assert "grpc" not in sys.modules and "google.protobuf" not in sys.modules
if has_grpc:
    with Client(grpc_address, "tiny", rest_url=rest_url) as client:
        said["gRPC"] = ask(client)
    said["async gRPC"] = asyncio.run(ask_async(AsyncClient(grpc_address, "tiny", rest_url=rest_url)))
    pipelines.append(texts(grpc_address))
print(json.dumps([said, pipelines, sorted({{{{name.partition(".")[0] for name in sys.modules}}}})]))
"""


def asked(python, server, has_grpc, forbidden=(), flags=()):
    code = ASK.format(forbidden=tuple(forbidden))
    protocols = "grpc" if has_grpc else "REST"
    command = [python, "-I", *flags, "-c", code, server.grpc_address, server.rest_url, protocols]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_with_tensorflow_forbidden_everything_is_answered_and_the_same(stepwise_server):
    said, pipelines, imported = asked(sys.executable, stepwise_server, True, FORBIDDEN)
    assert set(said) == {"REST", "async REST", "gRPC", "async gRPC"}
    first = said["REST"]
    assert all(answers == first for answers in said.values())
    assert first[0] == "AVAILABLE"
    assert first[3] == first[4] == pipelines[0] == pipelines[1] != ""
    assert not set(FORBIDDEN) & set(imported)


def test_rest_needs_the_standard_library_alone(stepwise_server):
    """-S: no installed package is on the path."""
    said, pipelines, imported = asked(sys.executable, stepwise_server, False, flags=["-S"])
    assert said["REST"] == said["async REST"]
    assert pipelines == [said["REST"][3]]
    assert set(imported) - set(sys.stdlib_module_names) <= {"serving", "__main__"}


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """A Python with grpcio and protobuf, the newest that fit it, and nothing else."""
    uv = shutil.which("uv") or (str(UV) if UV.exists() else None)
    if uv is None:
        pytest.skip("there is no uv to make an environment with")
    folder = tmp_path_factory.mktemp("bare")
    for command in (
        ["venv", "--quiet", "--python", sys.executable, str(folder)],
        ["pip", "install", "--quiet", "--offline", "--python", str(folder), "grpcio", "protobuf"],
    ):
        done = subprocess.run([uv, *command], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"no environment with grpcio and protobuf alone: {done.stderr.strip()[-200:]}")
    return str(folder / "bin" / "python")


def test_an_environment_of_grpcio_and_protobuf_is_enough(bare_python, stepwise_server):
    said, pipelines, _ = asked(bare_python, stepwise_server, True)
    assert all(answers == said["REST"] for answers in said.values())
    assert pipelines == [said["REST"][3]] * 2


def test_importing_the_clients_imports_nothing_of_others():
    code = "import sys; before = set(sys.modules); import serving, serving.client; serving.pipeline\n"
    code += "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert set(done.stdout.split()) - set(sys.stdlib_module_names) == {"serving"}
