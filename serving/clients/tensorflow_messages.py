"""Those messages of TensorFlow Serving's that a client sends and reads, without TensorFlow.

The modules of ``tensorflow_serving.apis`` import TensorFlow, which costs seconds and half a
gigabyte. Here are the fields in use, by the same names, numbers and types, so the bytes are the
same; others that a server sends are passed over. They live in a descriptor pool of their own:
where TensorFlow is imported too, the two do not meet.

Sources: tensorflow/core/framework/{tensor,tensor_shape}.proto and
tensorflow_serving/apis/{model,predict,get_model_status}.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2

_TENSORS = """
name: "tensorflow/core/framework/tensor.proto" package: "tensorflow" syntax: "proto3"
message_type {
  name: "TensorShapeProto"
  field { name: "dim" number: 2 label: LABEL_REPEATED type_name: ".tensorflow.TensorShapeProto.Dim" }
  nested_type { name: "Dim" field { name: "size" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64 } }
}
message_type {
  name: "TensorProto"
  field { name: "dtype" number: 1 label: LABEL_OPTIONAL type_name: ".tensorflow.DataType" }
  field { name: "tensor_shape" number: 2 label: LABEL_OPTIONAL type_name: ".tensorflow.TensorShapeProto" }
  field { name: "tensor_content" number: 4 label: LABEL_OPTIONAL type: TYPE_BYTES }
  field { name: "float_val" number: 5 label: LABEL_REPEATED type: TYPE_FLOAT }
  field { name: "int_val" number: 7 label: LABEL_REPEATED type: TYPE_INT32 }
  field { name: "string_val" number: 8 label: LABEL_REPEATED type: TYPE_BYTES }
}
enum_type {
  name: "DataType"
  value { name: "DT_INVALID" number: 0 }
  value { name: "DT_FLOAT" number: 1 }
  value { name: "DT_INT32" number: 3 }
  value { name: "DT_STRING" number: 7 }
}
"""

_SERVING = """
name: "tensorflow_serving/apis/serving.proto" package: "tensorflow.serving" syntax: "proto3"
dependency: "google/protobuf/wrappers.proto"
dependency: "tensorflow/core/framework/tensor.proto"
message_type {
  name: "ModelSpec"
  field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field {
    name: "version" number: 2 label: LABEL_OPTIONAL
    type_name: ".google.protobuf.Int64Value" oneof_index: 0
  }
  field { name: "version_label" number: 4 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 0 }
  field { name: "signature_name" number: 3 label: LABEL_OPTIONAL type: TYPE_STRING }
  oneof_decl { name: "version_choice" }
}
message_type {
  name: "PredictRequest"
  field { name: "model_spec" number: 1 label: LABEL_OPTIONAL type_name: ".tensorflow.serving.ModelSpec" }
  field {
    name: "inputs" number: 2 label: LABEL_REPEATED
    type_name: ".tensorflow.serving.PredictRequest.InputsEntry"
  }
  nested_type {
    name: "InputsEntry"
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type_name: ".tensorflow.TensorProto" }
    options { map_entry: true }
  }
}
message_type {
  name: "PredictResponse"
  field {
    name: "outputs" number: 1 label: LABEL_REPEATED
    type_name: ".tensorflow.serving.PredictResponse.OutputsEntry"
  }
  nested_type {
    name: "OutputsEntry"
    field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
    field { name: "value" number: 2 label: LABEL_OPTIONAL type_name: ".tensorflow.TensorProto" }
    options { map_entry: true }
  }
}
message_type {
  name: "GetModelStatusRequest"
  field { name: "model_spec" number: 1 label: LABEL_OPTIONAL type_name: ".tensorflow.serving.ModelSpec" }
}
message_type {
  name: "StatusProto"
  field { name: "error_message" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
}
message_type {
  name: "ModelVersionStatus"
  field { name: "version" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64 }
  field {
    name: "state" number: 2 label: LABEL_OPTIONAL
    type_name: ".tensorflow.serving.ModelVersionStatus.State"
  }
  field { name: "status" number: 3 label: LABEL_OPTIONAL type_name: ".tensorflow.serving.StatusProto" }
  enum_type {
    name: "State"
    value { name: "UNKNOWN" number: 0 }
    value { name: "START" number: 10 }
    value { name: "LOADING" number: 20 }
    value { name: "AVAILABLE" number: 30 }
    value { name: "UNLOADING" number: 40 }
    value { name: "END" number: 50 }
  }
}
message_type {
  name: "GetModelStatusResponse"
  field {
    name: "model_version_status" number: 1 label: LABEL_REPEATED
    type_name: ".tensorflow.serving.ModelVersionStatus"
  }
}
"""


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    files = [text_format.Parse(text, descriptor_pb2.FileDescriptorProto()) for text in (_TENSORS, _SERVING)]
    for file in [wrappers, *files]:
        pool.Add(file)
    return pool


POOL = _pool()


def _message_class(name: str) -> Any:
    descriptor = POOL.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(POOL).GetPrototype(descriptor)  # protobuf before 4.22


TensorProto: Any = _message_class("tensorflow.TensorProto")
ModelSpec: Any = _message_class("tensorflow.serving.ModelSpec")
PredictRequest: Any = _message_class("tensorflow.serving.PredictRequest")
PredictResponse: Any = _message_class("tensorflow.serving.PredictResponse")
GetModelStatusRequest: Any = _message_class("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse: Any = _message_class("tensorflow.serving.GetModelStatusResponse")
