import dataclasses

import pytest

from serving.errors import StartError
from serving.settings.flags import WITHOUT_EFFECT, parse_flags
from serving.settings.server_config import ServerConfig

MODEL = ["--model_name=m", "--model_base_path", "/m"]


def test_every_field_is_a_flag_with_its_default():
    assert parse_flags(MODEL) == ServerConfig("m", "/m")


@pytest.mark.parametrize(
    ("flags", "changed"),
    [
        (["--port=1", "--rest_api_port", "2"], {"port": 1, "rest_api_port": 2}),
        (["--enable_batching"], {"enable_batching": True}),
        (["--enable_batching=true", "--port=1"], {"enable_batching": True, "port": 1}),
        (["--enable_model_warmup=false"], {"enable_model_warmup": False}),
        (["--file_system_poll_wait_seconds=0.5"], {"file_system_poll_wait_seconds": 0.5}),
        ([f"--{name}=1" for name in WITHOUT_EFFECT], {}),
    ],
)
def test_flags_are_written_as_for_tensorflow_model_server(flags, changed):
    assert parse_flags([*MODEL, *flags]) == dataclasses.replace(ServerConfig("m", "/m"), **changed)


@pytest.mark.parametrize("flags", [["--por=1"], ["--enable_batching=maybe"], ["--port=x"], ["--nothing"]])
def test_a_flag_that_is_none_ends_the_command(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_flags([*MODEL, *flags])
    assert caught.value.code == 2
    assert flags[0].split("=")[0] in capsys.readouterr().err


def test_help_names_every_flag(capsys):
    with pytest.raises(SystemExit):
        parse_flags(["--help"])
    shown = capsys.readouterr().out
    for field in dataclasses.fields(ServerConfig):
        assert f"--{field.name}" in shown


def test_a_models_file_takes_the_place_of_name_and_path(tmp_path):
    file = tmp_path / "models.config"
    file.write_text(
        'model_config_list { config { name: "a" base_path: "/a" model_platform: "tensorflow" } '
        'config { name: "b" base_path: "gs://b" model_platform: "tensorflow" } }'
    )
    config = parse_flags([f"--model_config_file={file}"])
    assert [(model.name, model.base_path) for model in config.models()] == [("a", "/a"), ("b", "gs://b")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no model"),
        (
            'model_config_list { config { name: "a" base_path: "/a" } }',
            "nor ModelServerConfig::model_platform",
        ),
        (
            'model_config_list { config { name: "a" base_path: "/a" model_platform: "other" } }',
            "Model a requests unsupported platform other",
        ),
        (
            'model_config_list { config { name: "a" base_path: "a" model_platform: "tensorflow" } }',
            r"Expected model a to have an absolute path or URI; got base_path\(\)=a",
        ),
        ('model_config_list { config { base_path: "/a" model_platform: "tensorflow" } }', "has no name"),
        ("custom_model_config { }", "custom_model_config is not supported"),
    ],
)
def test_a_models_file_that_cannot_be_served_is_named(tmp_path, text, message):
    file = tmp_path / "models.config"
    file.write_text(text)
    with pytest.raises(StartError, match=message) as caught:
        ServerConfig(model_config_file=str(file)).models()
    assert str(file) in str(caught.value)
