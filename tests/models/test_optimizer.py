import keras
import pytest

from models import causal_lm
from models.config import ModelConfig, TrainingConfig
from models.optimizer import build_optimizer, is_decayed, learning_rate_schedule


def test_the_learning_rate_rises_linearly_and_ends_at_a_tenth():
    config = TrainingConfig(num_steps=100, learning_rate=1e-2, warmup_fraction=0.1)
    schedule = learning_rate_schedule(config)
    assert float(schedule(0)) == pytest.approx(0.0)
    assert float(schedule(5)) == pytest.approx(5e-3)
    assert float(schedule(10)) == pytest.approx(1e-2)
    assert float(schedule(100)) == pytest.approx(1e-3)


def test_without_warm_up_the_first_step_has_the_peak():
    schedule = learning_rate_schedule(TrainingConfig(num_steps=10, learning_rate=1e-2, warmup_fraction=0.0))
    assert float(schedule(0)) == pytest.approx(1e-2)


@pytest.mark.parametrize("family", ["transformer", "lstm"])
def test_only_matrices_decay(family):
    model = causal_lm.build(ModelConfig(family=family, num_layers=1, hidden_dim=16, num_heads=2), 300, 8)
    names = {
        variable.path.rsplit("/", 1)[-1] for variable in model.trainable_variables if is_decayed(variable)
    }
    kept = {
        variable.path.rsplit("/", 1)[-1] for variable in model.trainable_variables if not is_decayed(variable)
    }
    assert names <= {"embeddings", "kernel", "recurrent_kernel"}
    assert kept <= {"bias", "gamma", "beta"}
    assert names
    assert kept


def test_weight_decay_alone_shrinks_a_matrix_and_leaves_a_bias():
    matrix, bias = keras.Variable([[1.0, 1.0]], name="kernel"), keras.Variable([1.0, 1.0], name="bias")
    config = TrainingConfig(num_steps=10, learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = build_optimizer(config, [matrix, bias])
    optimizer.apply([keras.ops.zeros((1, 2)), keras.ops.zeros((2,))], [matrix, bias])
    assert matrix.numpy().tolist() == [[pytest.approx(0.95)] * 2]
    assert bias.numpy().tolist() == [1.0, 1.0]


def test_float16_training_scales_its_loss():
    variable = keras.Variable([[1.0]], name="kernel")
    optimizer = build_optimizer(TrainingConfig(precision="mixed_float16"), [variable])
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
