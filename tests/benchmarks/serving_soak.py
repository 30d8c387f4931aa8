"""How the embedded server stands minutes of load, killed clients and version swaps.

    python tests/benchmarks/serving_soak.py --minutes 5

A server process watches a folder in which a version N, which multiplies by N, is replaced by
N + 1 every few seconds; now and then a broken version is pushed, or the newest is taken away.
Clients in processes of their own ask over gRPC and REST, and are killed at random, in the
middle of requests. Each answer must be right, over gRPC for the very version that it names and
over REST, which names none, for some version; no request of a client that lives may fail. The
server's memory and threads in the last third of the time are compared with those in the
second, and it must end with status 0 on SIGTERM. Ends with status 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).resolve().parents[2]
NUM_CLIENTS = 6
PROCESSES = multiprocessing.get_context("forkserver")
"""Its clients start at once: what they import is imported before."""
READY = "ready: gRPC "


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--swap-s", type=float, default=4.0, help="mean time between swaps")
    parser.add_argument("--kill-s", type=float, default=3.0, help="mean time between kills of a client")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    PROCESSES.set_forkserver_preload(["tensorflow", "tensorflow_serving.apis.prediction_service_pb2_grpc"])
    with tempfile.TemporaryDirectory() as folder:
        return soak(Path(folder), arguments)


def ask_forever(grpc_address: str, rest_address: str, reports: Connection) -> None:
    """One client: alternates the protocols, checks each answer and reports it, until it is killed."""
    import http.client

    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import model_pb2, predict_pb2
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

    stub = PredictionServiceStub(grpc.insecure_channel(grpc_address))
    connection = http.client.HTTPConnection(rest_address, timeout=60)
    x = random.Random(os.getpid())
    while True:
        value = float(x.randrange(1, 1000))
        begun_s = time.perf_counter()
        request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name="m"))
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([value]))
        answer = stub.Predict(request, timeout=60)
        grpc_s = time.perf_counter() - begun_s
        version = answer.model_spec.version.value
        right = answer.outputs["y"].float_val[0] == value * version
        begun_s = time.perf_counter()
        connection.request("POST", "/v1/models/m:predict", json.dumps({"inputs": [value]}))
        response = connection.getresponse()
        body = json.loads(response.read())
        rest_s = time.perf_counter() - begun_s
        rest_version = body["outputs"][0] / value if response.status == 200 else 0
        right = right and response.status == 200 and rest_version == int(rest_version) and rest_version >= 1
        wrong = "" if right else f"{value} gave {answer} and {body}"
        reports.send((version, rest_version, grpc_s * 1e3, rest_s * 1e3, wrong))


@dataclasses.dataclass
class Tally:
    """What the clients reported."""

    answers: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)
    failures: int = 0
    """Clients that ended by themselves; their traceback is in the output."""
    versions: set[int] = dataclasses.field(default_factory=set)
    grpc_ms: list[float] = dataclasses.field(default_factory=list)
    rest_ms: list[float] = dataclasses.field(default_factory=list)
    kills: int = 0
    swaps: int = 0

    def add(self, version: int, rest_version: float, grpc_ms: float, rest_ms: float, wrong: str) -> None:
        self.answers += 2
        self.versions |= {version, int(rest_version)}
        self.grpc_ms.append(grpc_ms)
        self.rest_ms.append(rest_ms)
        self.wrong += [wrong] if wrong else []


class Client:
    """A client process and the thread that reads its reports."""

    def __init__(self, addresses: tuple[str, str], tally: Tally) -> None:
        self._tally = tally
        self._killed = False
        self._reports, sending = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(target=ask_forever, args=(*addresses, sending), daemon=True)
        self.process.start()
        sending.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def kill(self) -> None:
        self._killed = True
        self.process.kill()
        self.process.join()
        self._reader.join()

    def _read(self) -> None:
        try:
            while True:
                self._tally.add(*self._reports.recv())
        except (EOFError, OSError):
            if not self._killed:
                self._tally.failures += 1


def soak(folder: Path, arguments: argparse.Namespace) -> int:
    chance = random.Random(arguments.seed)
    versions = Versions(folder / "versions", folder / "incoming")
    versions.push()
    log = (folder / "log").open("w+")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "serving", "--port=0", "--rest_api_port=0", "--model_name=m"),
            *(f"--model_base_path={versions.base_path}", "--file_system_poll_wait_seconds=0.2"),
            *("--enable_batching", "--max_num_load_retries=0"),
        ],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        cwd=ROOT,
    )
    ready = server.stdout.readline()
    assert ready.startswith(READY), ready
    addresses = (ready.split()[2].rstrip(","), ready.split()[4].rstrip(",").removeprefix("http://"))
    tally = Tally()
    clients = [Client(addresses, tally) for _ in range(NUM_CLIENTS)]
    begun_s = time.monotonic()
    end_s = begun_s + 60 * arguments.minutes
    next_swap_s = next_kill_s = begun_s + 10
    samples: list[tuple[float, float, int]] = []
    while (now_s := time.monotonic()) < end_s:
        if now_s >= next_swap_s:
            versions.change(chance)
            tally.swaps += 1
            next_swap_s = now_s + chance.uniform(0.5, 1.5) * arguments.swap_s
        if now_s >= next_kill_s:
            victim = chance.randrange(NUM_CLIENTS)
            clients[victim].kill()
            tally.kills += 1
            clients[victim] = Client(addresses, tally)
            next_kill_s = now_s + chance.uniform(0.5, 1.5) * arguments.kill_s
        samples.append((now_s - begun_s, *memory_and_threads(server.pid)))
        time.sleep(0.2)
    for client in clients:
        client.kill()
    server.terminate()
    status = server.wait(30)
    return report(tally, samples, status)


def memory_and_threads(pid: int) -> tuple[float, int]:
    """Resident memory in MiB, and the number of threads."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"])


def report(tally: Tally, samples: list[tuple[float, float, int]], status: int) -> int:
    third = len(samples) // 3
    memory = [
        statistics_of([sample[1] for sample in part])
        for part in (samples[third : 2 * third], samples[-third:])
    ]
    threads = [max(sample[2] for sample in part) for part in (samples[third : 2 * third], samples[-third:])]
    print(
        f"{tally.answers:,} answers by {len(tally.versions)} versions, {tally.swaps} changes of the folder, "
        f"{tally.kills} clients killed"
    )
    print(f"{len(tally.wrong)} wrong answers, {tally.failures} clients failed, exit status {status}")
    print(f"median ms: gRPC {statistics_of(tally.grpc_ms):.1f}, REST {statistics_of(tally.rest_ms):.1f}")
    print(
        f"memory, median MiB: {memory[0]:.0f} in the second third, {memory[1]:.0f} in the last; "
        f"threads: {threads[0]}, {threads[1]}"
    )
    for line in tally.wrong[:5]:
        print(line)
    is_flat = memory[1] < 1.05 * memory[0] + 20 and threads[1] <= threads[0] + 8
    return 0 if is_flat and not tally.wrong and not tally.failures and status == 0 else 1


def statistics_of(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else float("nan")


class Versions:
    """The watched folder: pushes, broken pushes and removals."""

    def __init__(self, base_path: Path, incoming: Path) -> None:
        self.base_path = base_path
        self._incoming = incoming
        self._newest = 0
        base_path.mkdir()

    def change(self, chance: random.Random) -> None:
        """Mostly a new version; sometimes a broken one, or a roll-back by removing the newest."""
        draw = chance.random()
        if draw < 0.15:
            self.push_broken()
        elif draw < 0.3 and len(self._numbers()) > 1:
            shutil.rmtree(self._retired(self._numbers()[-1]))
        else:
            self.push()
            for number in self._numbers()[:-3]:
                shutil.rmtree(self._retired(number))

    def push(self) -> None:
        import tensorflow as tf

        self._newest += 1
        factor = float(self._newest)

        class Scale(tf.Module):
            def __init__(self) -> None:
                super().__init__()
                self.factor = tf.Variable(factor)
                self.ballast = tf.Variable(tf.zeros([250_000]))

            @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
            def scale(self, x):
                return {"y": self.factor * x + tf.reduce_max(self.ballast)}

        module = Scale()
        tf.saved_model.save(module, str(self._incoming), {"serving_default": module.scale})
        self._incoming.rename(self.base_path / str(self._newest))

    def push_broken(self) -> None:
        shutil.copytree(self.base_path / str(self._numbers()[0]), self._incoming)
        graph = self._incoming / "saved_model.pb"
        graph.write_bytes(graph.read_bytes()[:1000])
        self._newest += 1
        self._incoming.rename(self.base_path / str(self._newest))

    def _numbers(self) -> list[int]:
        return sorted(int(path.name) for path in self.base_path.iterdir() if path.name.isdecimal())

    def _retired(self, number: int) -> Path:
        """A folder leaves by a rename, so that none is ever half there."""
        retired = self._incoming.with_name("retired")
        (self.base_path / str(number)).rename(retired)
        return retired


if __name__ == "__main__":
    sys.exit(main())
