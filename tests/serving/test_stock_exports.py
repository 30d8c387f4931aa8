"""What the Trainer exports, family by family, is what the stock server can run."""

import keras
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from models import causal_lm, export
from models.config import ModelConfig
from models.tokenizer import GraphTokenizer
from serving import contract
from serving.replay import metadata_problems, replay_problems
from serving.servables.saved_model_file import read_meta_graph
from serving.server import Server, ServerConfig
from serving.stock_ops import missing_ops
from serving.validation import warmup_problems
from serving.warmup import language_model_requests, read_warmup, write_warmup

MODELS = {
    "gpt2": ModelConfig(num_layers=1, hidden_dim=16, num_heads=2),
    "llama": ModelConfig(style="llama", num_layers=1, hidden_dim=16, num_heads=4, num_key_value_heads=2),
    "lstm": ModelConfig(family="lstm", num_layers=1, hidden_dim=16),
}
POLICIES = ("float32", "mixed_bfloat16")


@pytest.fixture(scope="module")
def folder(tokenizer_proto, tmp_path_factory):
    """Below it a base path for each family and dtype policy, such as ``lstm-mixed_bfloat16``."""
    folder = tmp_path_factory.mktemp("exports")
    for policy in POLICIES:
        keras.config.set_dtype_policy(policy)
        try:
            for name, config in MODELS.items():
                model = causal_lm.build(config, 320, 16)
                version = str(folder / f"{name}-{policy}" / "1")
                export.export(model, GraphTokenizer(tokenizer_proto), version)
                write_warmup(version, language_model_requests())
        finally:
            keras.config.set_dtype_policy("float32")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """Serves them all, with batching, as rendered for the stock server."""
    (folder / "batching.config").write_text("max_batch_size { value: 8 }")
    entries = (
        f'config {{ name: "{path.name}" base_path: "{path}" model_platform: "tensorflow" }}'
        for path in folder.iterdir()
        if path.is_dir()
    )
    (folder / "models.config").write_text(f"model_config_list {{ {' '.join(entries)} }}")
    config = ServerConfig(
        model_config_file=str(folder / "models.config"),
        enable_batching=True,
        batching_parameters_file=str(folder / "batching.config"),
        port=0,
        rest_api_port=0,
    )
    with Server(config) as server:
        yield server


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", MODELS)
class TestAnExport:
    def test_runs_on_the_stock_servers_ops_without_xla_or_python(self, folder, name, policy):
        version = str(folder / f"{name}-{policy}" / "1")
        assert missing_ops(version) == []
        library = read_meta_graph(version).graph_def.library.function
        assert any(node.op == "SentencepieceTokenizeOp" for function in library for node in function.node_def)

    def test_answers_in_the_contracts_types_whatever_it_was_trained_in(self, folder, name, policy):
        signatures = read_meta_graph(str(folder / f"{name}-{policy}" / "1")).signature_def
        narrow = (types_pb2.DT_HALF, types_pb2.DT_BFLOAT16)
        for signature in contract.SIGNATURES:
            found = signatures[signature]
            assert {alias: tf.as_dtype(info.dtype).name for alias, info in found.outputs.items()} == {
                field.name: field.dtype for field in contract.SIGNATURES[signature].outputs
            }
            tensors = [*found.inputs.values(), *found.outputs.values()]
            assert not [tensor for tensor in tensors if tensor.dtype in narrow]

    def test_has_warm_up_records_that_a_server_answers(self, folder, server, name, policy):
        version = str(folder / f"{name}-{policy}" / "1")
        assert warmup_problems(version) == []
        assert len(list(read_warmup(version))) == 5
        assert replay_problems(server.grpc_address, f"{name}-{policy}", version, 60.0) == []

    def test_has_every_signature_in_the_metadata(self, folder, server, name, policy):
        version = str(folder / f"{name}-{policy}" / "1")
        assert metadata_problems(server.grpc_address, f"{name}-{policy}", version, 60.0) == []
