"""``serving.pipeline``: Hugging Face's call and answer on a server or a SavedModel."""

import shutil

import pytest

import serving
from serving.client import Client, RestClient
from serving.errors import InvalidArgumentError, NotFoundError, ServingError, UnimplementedError

PROMPT = "The quick brown fox"
GREEDY = {"do_sample": False, "max_new_tokens": 20}
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"
CHAT = [{"role": "user", "content": "The dog"}]


@pytest.fixture(scope="module")
def pipes(stepwise_dir, stepwise_server):
    """A pipeline on each kind of target."""
    targets = {
        "gRPC": (stepwise_server.grpc_address, "tiny"),
        "REST": (stepwise_server.rest_url, "tiny"),
        "version folder": (stepwise_dir / "1", None),
        "base path": (str(stepwise_dir), None),
    }
    made = {name: serving.pipeline("text-generation", *target) for name, target in targets.items()}
    yield made
    for pipe in made.values():
        pipe.close()


@pytest.fixture(scope="module", params=["gRPC", "REST", "version folder", "base path"])
def pipe(request, pipes):
    return pipes[request.param]


def texts(records):
    return [record["generated_text"] for record in records]


def test_greedy_text_is_the_same_from_everywhere(pipes, stepwise_server):
    [record] = pipes["gRPC"](PROMPT, **GREEDY)
    assert all(pipe(PROMPT, **GREEDY) == [record] for pipe in pipes.values())
    chunks = RestClient(stepwise_server.rest_url, "tiny").stream(PROMPT, max_new_tokens=20, temperature=0.0)
    assert PROMPT + "".join(chunk.text for chunk in chunks) == record["generated_text"]


def test_a_text_gives_a_list_of_records_and_a_list_gives_lists(pipe):
    one = pipe(PROMPT, **GREEDY)
    assert set(one[0]) == {"generated_text"}
    assert one[0]["generated_text"].startswith(PROMPT)
    assert pipe([PROMPT], **GREEDY) == [one]
    assert pipe([PROMPT, "", PROMPT], **GREEDY)[::2] == [one, one]
    assert pipe([]) == []


def test_without_the_full_text_only_what_is_new_comes(pipe):
    [whole] = texts(pipe(PROMPT, **GREEDY))
    assert texts(pipe(PROMPT, return_full_text=False, **GREEDY)) == [whole.removeprefix(PROMPT)]


def test_sequences_of_one_prompt_have_seeds_of_their_own(pipe):
    def continued(**more):
        settings = {"do_sample": True, "temperature": 0.9, "top_k": 50, "top_p": 0.95, "max_new_tokens": 20}
        return texts(pipe(PROMPT, **settings, **more))

    four = continued(num_return_sequences=4, seed=7)
    assert len(set(four)) > 1
    assert four == continued(num_return_sequences=4, seed=7)
    assert [continued(seed=7 + number) for number in range(4)] == [[text] for text in four]


def test_without_a_seed_texts_are_new_each_time(pipe):
    assert len({texts(pipe(PROMPT, max_new_tokens=20, temperature=1.5))[0] for _ in range(4)}) > 1


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_the_batch_size_changes_nothing(pipe, batch_size):
    prompts = ["a", "The dog", "", "naïve", "Pack my box"]
    settings = {"seed": 3, "max_new_tokens": 6, "num_return_sequences": 2}
    assert pipe(prompts, batch_size=batch_size, **settings) == pipe(prompts, **settings)


def test_the_batch_size_is_the_number_of_inputs_in_a_request(pipes, monkeypatch):
    pipe, sizes = pipes["REST"], []
    generate = pipe.model.generate

    def counted(prompts, **settings):
        sizes.append(len(prompts))
        return generate(prompts, **settings)

    monkeypatch.setattr(pipe.model, "generate", counted)
    pipe(["a"] * 5, batch_size=2, num_return_sequences=3, max_new_tokens=1)
    assert sizes == [6, 6, 3]


def test_an_iterator_is_answered_as_it_goes(pipes):
    taken = []

    def prompts():
        for prompt in ("a", "b", "c", "d"):
            taken.append(prompt)
            yield prompt

    answers = pipes["REST"](prompts(), batch_size=2, **GREEDY)
    assert next(answers) == pipes["REST"]("a", **GREEDY)
    assert taken == ["a", "b"]
    assert list(answers) == pipes["REST"](["b", "c", "d"], **GREEDY)


@pytest.mark.parametrize("as_list", [False, True])
def test_the_text_ends_before_a_stop_string(pipe, as_list):
    [whole] = texts(pipe(PROMPT, return_full_text=False, **GREEDY))
    stop = whole[3:5]
    [text] = texts(pipe(PROMPT, stop_strings=[stop] if as_list else stop, return_full_text=False, **GREEDY))
    assert text == whole[: whole.index(stop)]


def test_options_of_the_pipeline_hold_where_the_call_says_nothing(stepwise_server, pipes):
    with serving.pipeline("text-generation", stepwise_server.rest_url, model="tiny", **GREEDY) as pipe:
        assert pipe(PROMPT) == pipes["REST"](PROMPT, **GREEDY)
        assert pipe(PROMPT, max_new_tokens=3) == pipes["REST"](PROMPT, do_sample=False, max_new_tokens=3)


def test_what_is_left_out_is_the_contracts(pipes, stepwise_server):
    with Client(stepwise_server.grpc_address, "tiny") as client:
        [generation] = client.generate([PROMPT], seed=11)
    assert texts(pipes["gRPC"](PROMPT, seed=11)) == [PROMPT + generation.text]
    assert texts(pipes["gRPC"](PROMPT, seed=11, temperature=None)) == [PROMPT + generation.text]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("temprature", 1.0, "unknown option 'temprature': did you mean 'temperature'?"),
        ("max_tokens", 5, "did you mean 'max_new_tokens'?"),
        ("xyz", 5, "unknown option 'xyz': There are max_new_tokens, do_sample"),
        ("repetition_penalty", 1.2, "repetition_penalty=1.2 is nothing that this model can do: leave it out"),
        ("num_beams", 4, "num_beams=4 is nothing"),
        ("max_length", 50, "give max_new_tokens, which does not count the prompt"),
        ("num_return_sequences", 0, "num_return_sequences is 0; expected a number of at least 1"),
        ("batch_size", 1.5, "batch_size is 1.5"),
    ],
)
def test_an_option_that_is_not_there_is_refused(pipes, stepwise_server, option, value, message):
    for call in (
        lambda: pipes["REST"](PROMPT, **{option: value}),
        lambda: serving.pipeline("text-generation", stepwise_server.rest_url, "tiny", **{option: value}),
    ):
        with pytest.raises(InvalidArgumentError) as caught:
            call()
        assert message in caught.value.message
        assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "option", [{"repetition_penalty": 1.0}, {"num_beams": 1}, {"streamer": None}], ids=str
)
def test_an_option_that_asks_for_nothing_is_accepted(pipes, option):
    assert pipes["REST"](PROMPT, **GREEDY, **option) == pipes["REST"](PROMPT, **GREEDY)


def test_several_greedy_sequences_are_refused(pipe):
    with pytest.raises(InvalidArgumentError, match="would give the same text each time"):
        pipe(PROMPT, do_sample=False, num_return_sequences=2)


def test_the_models_own_refusal_comes_through(pipe):
    with pytest.raises(InvalidArgumentError, match="a prompt may have at most 95 tokens"):
        pipe("word " * 400)
    with pytest.raises(InvalidArgumentError, match="temperature must be 0"):
        pipe(PROMPT, temperature=-1.0)


@pytest.fixture
def template(stepwise_dir):
    path = stepwise_dir / "1" / "assets.extra" / "chat_template.jinja"
    path.parent.mkdir(exist_ok=True)
    path.write_text(TEMPLATE)
    yield
    path.unlink()


@pytest.mark.parametrize("target", ["REST", "version folder"])
def test_a_conversation_goes_on(pipes, template, target):
    pipe = pipes[target]
    [expected] = texts(pipe("user: The dog\nassistant:", return_full_text=False, **GREEDY))
    answer = pipe(CHAT, **GREEDY)
    assert answer == [{"generated_text": [*CHAT, {"role": "assistant", "content": expected}]}]
    assert pipe([CHAT, CHAT], **GREEDY) == [answer, answer]
    assert pipe(CHAT, return_full_text=False, **GREEDY) == [{"generated_text": expected}]
    several = pipe(CHAT, num_return_sequences=3, seed=1, temperature=1.5, max_new_tokens=20)
    assert len({record["generated_text"][-1]["content"] for record in several}) > 1


@pytest.mark.parametrize("target", ["REST", "version folder"])
def test_a_model_without_a_template_has_no_conversations(pipes, target):
    with pytest.raises(ServingError) as caught:
        pipes[target](CHAT)
    assert "the model has no chat template" in caught.value.message
    assert "\n" not in caught.value.message


def test_grpc_has_no_conversations(pipes):
    with pytest.raises(UnimplementedError, match="gRPC has no way to ask for a conversation: ask over REST"):
        pipes["gRPC"](CHAT)


def test_a_server_without_conversations_says_so(language_server):
    with pytest.raises(UnimplementedError, match="has no conversations, as TensorFlow Serving's own server"):
        serving.pipeline("text-generation", language_server.rest_url, model="toy")(CHAT)


@pytest.mark.parametrize("messages", [[{"role": "user"}], [{"content": "a"}], [CHAT[0], "text"]], ids=str)
def test_what_is_no_message_is_refused(pipes, messages):
    with pytest.raises(InvalidArgumentError, match="expected 'role' and 'content'"):
        pipes["REST"](messages)


def test_what_is_no_input_is_refused(pipes):
    with pytest.raises(InvalidArgumentError, match="3 is no input"):
        pipes["REST"](["a", 3])


def test_an_unknown_task_is_refused():
    with pytest.raises(InvalidArgumentError, match="task 'summarization': expected 'text-generation'"):
        serving.pipeline("summarization", "127.0.0.1:8500")


def test_a_server_needs_the_models_name():
    with pytest.raises(InvalidArgumentError, match=r"which model of 127.0.0.1:8500\? Give model="):
        serving.pipeline("text-generation", "127.0.0.1:8500")


@pytest.mark.parametrize("target", ["nowhere", "no/such/folder", "127.0.0.1", "host:port"])
def test_a_target_that_is_nothing_is_refused(target):
    with pytest.raises(InvalidArgumentError, match="is neither a folder nor a server"):
        serving.pipeline("text-generation", target, model="m")


def test_the_newest_version_is_taken_unless_told(stepwise_dir, tmp_path):
    shutil.copytree(stepwise_dir / "1", tmp_path / "9")
    (tmp_path / "10").symlink_to(tmp_path / "9")
    (tmp_path / "incoming").mkdir()
    assert serving.pipeline("text-generation", tmp_path).model.version == 10
    assert serving.pipeline("text-generation", tmp_path, version=9).model.version == 9
    with pytest.raises(NotFoundError, match="no version 3 is here, only 9, 10"):
        serving.pipeline("text-generation", tmp_path, version=3)
    with pytest.raises(NotFoundError, match="no SavedModel is here"):
        serving.pipeline("text-generation", tmp_path / "incoming")
