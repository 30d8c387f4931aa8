"""Protocol messages as JSON, in the form TensorFlow Serving sends them.

Fields keep their names and are written even when they hold their default; integers of
64 bits are strings, as protobuf's JSON has it. Works with protobuf 3.20 to 6, which
call the option for defaults differently.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.inference.description import SIGNATURE_DEF_FIELD

_WITH_DEFAULTS = (
    "always_print_fields_with_no_presence"
    if "always_print_fields_with_no_presence" in inspect.signature(json_format.MessageToDict).parameters
    else "including_default_value_fields"
)


def message_body(message: Message) -> bytes:
    """``message`` as a JSON body."""
    return _body(_plain(message))


def metadata_body(response: get_model_metadata_pb2.GetModelMetadataResponse) -> bytes:
    """The metadata answer, with its ``Any`` unpacked."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata[SIGNATURE_DEF_FIELD].Unpack(signatures)
    return _body(
        {
            "model_spec": _plain(response.model_spec),
            "metadata": {SIGNATURE_DEF_FIELD: _plain(signatures)},
        }
    )


def _plain(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message, preserving_proto_field_name=True, **{_WITH_DEFAULTS: True})


def _body(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode()
