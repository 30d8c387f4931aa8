import pytest
from pydantic import ValidationError

from pipeline import config
from pipeline.errors import ConfigError

MINIMAL = 'name = "mine"\n[corpus]\npath = "text"\nsources = [{ name = "all", pattern = "*.txt" }]\n'


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "c.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("name", config.sample_names())
def test_every_shipped_sample_is_valid(name):
    assert config.load(name).name == name


def test_a_minimal_file_gets_every_default(file):
    loaded = config.load(file(MINIMAL))
    assert loaded.model.family == "transformer"
    assert loaded.root == "build/mine"
    assert loaded.model_base_path == "serving_models/mine"


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("model.num_layers=6", 6),
        ("model.family=lstm", "lstm"),
        ('model.family="lstm"', "lstm"),
        ("model.dropout=0.25", 0.25),
    ],
)
def test_an_override_is_toml_or_else_a_string(file, override, value):
    loaded = config.load(file(MINIMAL), [override])
    assert getattr(loaded.model, override.partition("=")[0].split(".")[1]) == value


def test_a_configuration_cannot_be_changed(file):
    loaded = config.load(file(MINIMAL))
    with pytest.raises(ValidationError, match="frozen"):
        loaded.model.num_layers = 3


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["model.num_hed=3"], "model.num_hed: no such field: did you mean num_heads?"),
        (["modle.num_heads=3"], "modle: no such field: did you mean model?"),
        (["training.batch_size=0"], "training.batch_size = 0: Input should be greater than or equal to 1"),
        (["training.num_steps=many"], "training.num_steps = 'many': Input should be a valid integer"),
        (["model.num_heads=3"], "model: num_heads = 3 does not divide hidden_dim = 128"),
        (["model.family=rnn"], "model.family = 'rnn': Input should be 'transformer', 'lstm' or 'preset'"),
        (
            ["corpus.eval_percent=40", "corpus.test_percent=40"],
            "corpus.eval_percent + corpus.test_percent = 80",
        ),
        (
            ["corpus.sources=[{name='a', patern='x', pattern='y'}]"],
            "patern: no such field: did you mean pattern?",
        ),
        (
            ["mixture.rule=tokens"],
            "mixture: source 'all' has the weight 1, and rule = \"tokens\" takes it for its tokens",
        ),
        (
            ["model.family=preset", "model.preset=x", "packing.attention=document"],
            'packing.attention = "document" needs a network that is built here',
        ),
        (["output.root=gs://b/x"], "output.root = 'gs://b/x': artifacts of a run on this machine lie on it"),
        (["name=ends-"], "name = 'ends-': String should match pattern"),
        (["name=Bad Name"], "name = 'Bad Name': String should match pattern"),
    ],
)
def test_a_mistake_names_file_field_value_and_rule(file, overrides, line):
    path = file(MINIMAL)
    with pytest.raises(ConfigError) as raised:
        config.load(path, overrides)
    assert str(raised.value).startswith(f"{path}: ")
    assert line in str(raised.value)


def test_every_mistake_is_told_at_once(file):
    with pytest.raises(ConfigError) as raised:
        config.load(file(MINIMAL), ["training.batch_size=0", "model.num_hed=3"])
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize("override", ["model.num_layers", "=3", "model.=3", "name.x=3"])
def test_an_override_of_the_wrong_form_is_refused(file, override):
    with pytest.raises(ConfigError, match="--set"):
        config.load(file(MINIMAL), [override])


def test_a_missing_file_lists_the_samples():
    with pytest.raises(ConfigError, match=r"nope: no such configuration file: .* shakespeare, tiny"):
        config.load("nope")


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"name = 'a'\nname = 'b'"])
def test_what_is_not_toml_is_refused(tmp_path, content):
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="not valid TOML"):
        config.load(str(path))


def test_a_required_field_that_is_missing_is_named(file):
    with pytest.raises(ConfigError, match=r"corpus\.path: missing"):
        config.load(file('name = "a"\n[corpus]\nsources = [{ name = "x", pattern = "*" }]\n'))


def test_a_size_given_on_the_command_line_takes_the_place_of_the_files_shape(file):
    path = file(MINIMAL + "[model]\nnum_layers = 1\nhidden_dim = 64\nnum_heads = 8\ndropout = 0.1\n")
    model = config.load(path, ["model.num_layers=6", "model.size=1m"]).model
    assert (model.num_layers, model.hidden_dim, model.num_heads, model.dropout) == (6, 128, 4, 0.1)


def test_a_size_that_is_not_named_lists_those_that_are(file):
    with pytest.raises(ConfigError, match=r"model\.size = '2m': Input should be '10k', '30k', .* or '1\.5b'"):
        config.load(file(MINIMAL), ["model.size=2m"])


def test_a_misspelt_field_of_a_task_is_named_with_the_nearest(file):
    path = file(f'{MINIMAL}[tasks]\nevaluate = [{{ task = "addition", digit = 2 }}]\n')
    with pytest.raises(ConfigError, match=r"tasks\.evaluate\.0\.addition\.digit: .* did you mean digits\?"):
        config.load(path)


def test_a_task_that_there_is_not_lists_those_that_there_are(file):
    with pytest.raises(ConfigError, match=r"tasks\.evaluate\.0: .*'sorting', 'facts', 'translation'"):
        config.load(file(f'{MINIMAL}[tasks]\nevaluate = [{{ task = "subtraction" }}]\n'))


def test_a_samples_model_is_not_asked_what_it_was_trained_on(file):
    with pytest.raises(ConfigError, match="test_percent = 20 would ask what the model is trained on"):
        config.load("trivia", ['tasks.evaluate=[{task="trivia", test_percent=20}]'])
    assert config.load("shakespeare", ['tasks.evaluate=[{task="trivia", test_percent=20}]']).tasks.evaluate
