"""The model file of SentencePiece as a message, with those fields that are read or written here.

The generated module in the package needs a newer protobuf than TFX's base stack has. Fields that are not
listed survive a round trip, as unknown fields. Source: sentencepiece_model.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

_FILE = """
name: "lexmill/sentence_pieces.proto"
package: "lexmill"
syntax: "proto2"
message_type {
  name: "TrainerSpec"
  field { name: "model_type" number: 3 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "vocab_size" number: 4 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "byte_fallback" number: 35 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field { name: "unk_id" number: 40 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "bos_id" number: 41 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "eos_id" number: 42 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "pad_id" number: 43 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "bos_piece" number: 46 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "eos_piece" number: 47 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "pad_piece" number: 48 label: LABEL_OPTIONAL type: TYPE_STRING }
}
message_type {
  name: "NormalizerSpec"
  field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "add_dummy_prefix" number: 3 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field { name: "remove_extra_whitespaces" number: 4 label: LABEL_OPTIONAL type: TYPE_BOOL }
  field { name: "escape_whitespaces" number: 5 label: LABEL_OPTIONAL type: TYPE_BOOL }
}
message_type {
  name: "ModelProto"
  field { name: "pieces" number: 1 label: LABEL_REPEATED type_name: ".lexmill.ModelProto.SentencePiece" }
  field { name: "trainer_spec" number: 2 label: LABEL_OPTIONAL type_name: ".lexmill.TrainerSpec" }
  field { name: "normalizer_spec" number: 3 label: LABEL_OPTIONAL type_name: ".lexmill.NormalizerSpec" }
  nested_type {
    name: "SentencePiece"
    field { name: "piece" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "score" number: 2 label: LABEL_OPTIONAL type: TYPE_FLOAT }
    field { name: "type" number: 3 label: LABEL_OPTIONAL type: TYPE_INT32 default_value: "1" }
  }
}
"""
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""``ModelProto.SentencePiece.type``."""
UNIGRAM, BYTE_PAIRS, CHARACTERS = 1, 2, 4
"""``TrainerSpec.model_type``."""


def _model_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(_FILE, descriptor_pb2.FileDescriptorProto()))
    descriptor = pool.FindMessageTypeByName("lexmill.ModelProto")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)  # protobuf before 4.22


ModelProto: Any = _model_class()


def add_piece(model: Any, piece: str, kind: int, score: float = 0.0) -> None:
    model.pieces.add(piece=piece, type=kind, score=score)
