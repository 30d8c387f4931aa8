"""What ovmsclient gets of a server, as one JSON object: ``ovms_client.py GRPC_ADDRESS REST_ADDRESS``.

Runs in an environment of its own, see ``test_ovmsclient.py``.
"""

import json
import sys

import numpy as np
import ovmsclient

X = np.array([1.5, -2.0], np.float32)


def asked(client):
    """Answers and errors of one client, over whichever protocol. A version is always given: left out, this
    client asks for version 0, which is the newest for its own server and none for TensorFlow Serving."""
    scaled = client.predict({"x": X}, "numeric", 3)
    return {
        "predict": scaled.tolist(),
        "dtype": str(scaled.dtype),
        "metadata": client.get_model_metadata("numeric", 3),
        "status": client.get_model_status("numeric", 3),
        "errors": [
            error_of(lambda: client.predict({"x": X}, "absent", 3)),
            error_of(lambda: client.predict({"x": X}, "numeric", 4)),
            error_of(lambda: client.predict({"y": X}, "numeric", 3)),
            error_of(lambda: client.get_model_status("absent", 3)),
            error_of(lambda: client.get_model_metadata("absent", 3)),
        ],
    }


def error_of(call):
    """The class of what it raises, and the words."""
    try:
        call()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


def main(grpc_address, rest_address, language_grpc_address):
    grpc_client = ovmsclient.make_grpc_client(grpc_address)
    found = {"grpc": asked(grpc_client), "rest": asked(ovmsclient.make_http_client(rest_address))}
    language = ovmsclient.make_grpc_client(language_grpc_address)
    texts = language.predict(
        {"prompts": ["the dog", "a fox"], "max_new_tokens": np.array([5], np.int32)}, "toy", 1
    )
    found["texts"] = [text.decode() for text in texts["text"]]
    found["num_tokens"] = texts["num_tokens"].tolist()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
