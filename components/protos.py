"""Protocol messages whose owners' Python modules the data stages must not import.

`Example` is wire compatible with ``tf.train.Example``, and `Feature` is one of its values: importing
TensorFlow costs each Beam worker seconds and half a gigabyte. `ModelProto` has those fields of
SentencePiece's model that `tokenizer_trainer.training` edits; the generated module in the
package needs a newer protobuf than TFX's base stack has. Fields that are not
listed survive a round trip, as unknown fields.

Sources: tensorflow/core/example/{example,feature}.proto, sentencepiece_model.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

_FILE = """
name: "lexmill/data.proto"
package: "lexmill"
syntax: "proto2"
message_type {
  name: "BytesList"
  field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_BYTES }
}
message_type {
  name: "FloatList"
  field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_FLOAT options { packed: true } }
}
message_type {
  name: "Int64List"
  field { name: "value" number: 1 label: LABEL_REPEATED type: TYPE_INT64 options { packed: true } }
}
message_type {
  name: "Feature"
  field { name: "bytes_list" number: 1 label: LABEL_OPTIONAL type_name: ".lexmill.BytesList" oneof_index: 0 }
  field { name: "float_list" number: 2 label: LABEL_OPTIONAL type_name: ".lexmill.FloatList" oneof_index: 0 }
  field { name: "int64_list" number: 3 label: LABEL_OPTIONAL type_name: ".lexmill.Int64List" oneof_index: 0 }
  oneof_decl { name: "kind" }
}
message_type {
  name: "Features"
  field { name: "feature" number: 1 label: LABEL_REPEATED type_name: ".lexmill.Features.FeatureEntry" }
  nested_type {
    name: "FeatureEntry"
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type_name: ".lexmill.Feature" }
    options { map_entry: true }
  }
}
message_type {
  name: "Example"
  field { name: "features" number: 1 label: LABEL_OPTIONAL type_name: ".lexmill.Features" }
}
message_type {
  name: "NormalizerSpec"
  field { name: "escape_whitespaces" number: 5 label: LABEL_OPTIONAL type: TYPE_BOOL }
}
message_type {
  name: "ModelProto"
  field { name: "pieces" number: 1 label: LABEL_REPEATED type_name: ".lexmill.ModelProto.SentencePiece" }
  field { name: "normalizer_spec" number: 3 label: LABEL_OPTIONAL type_name: ".lexmill.NormalizerSpec" }
  nested_type {
    name: "SentencePiece"
    field { name: "piece" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "score" number: 2 label: LABEL_OPTIONAL type: TYPE_FLOAT }
    field { name: "type" number: 3 label: LABEL_OPTIONAL type: TYPE_INT32 default_value: "1" }
  }
}
"""


def _message_class(name: str) -> Any:
    descriptor = _POOL.FindMessageTypeByName(f"lexmill.{name}")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_POOL).GetPrototype(descriptor)  # protobuf before 4.22


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(text_format.Parse(_FILE, descriptor_pb2.FileDescriptorProto()))

Example: Any = _message_class("Example")
Feature: Any = _message_class("Feature")
ModelProto: Any = _message_class("ModelProto")
NORMAL_PIECE = 1
"""``ModelProto.SentencePiece.type`` of a learnt piece."""
BYTE_PIECE = 6
"""… of one of the 256 bytes."""
