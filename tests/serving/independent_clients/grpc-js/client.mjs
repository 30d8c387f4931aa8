// What @grpc/grpc-js gets of a server, as one JSON object: client.mjs DESCRIPTORS ADDRESS LANGUAGE_ADDRESS.
// DESCRIPTORS is a serialized FileDescriptorSet of TensorFlow Serving's services.

import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const [descriptors, address, languageAddress] = process.argv.slice(2);
const options = { keepCase: true, longs: Number, enums: String, bytes: Buffer };
const { serving } = grpc.loadPackageDefinition(
  loader.loadFileDescriptorSetFromBuffer(readFileSync(descriptors), options)).tensorflow;
const clients = [];

function client(service, at) {
  clients.push(new service(at, grpc.credentials.createInsecure()));
  return clients.at(-1);
}

// The answer, or the error's code and words.
function call(stub, method, request) {
  const deadline = new Date(Date.now() + 60_000);
  return new Promise((resolve) => {
    stub[method](request, { deadline }, (error, answer) =>
      resolve(error ? { code: grpc.status[error.code], details: error.details } : answer));
  });
}

// A map in a descriptor set is read as what it is on the wire, a list of its entries.
const map = (values) => Object.entries(values).map(([key, value]) => ({ key, value }));
const output = (answer, name) => answer.outputs.find(({ key }) => key === name).value;
const floats = (values) => ({ dtype: "DT_FLOAT", tensor_shape: { dim: [{ size: values.length }] }, float_val: values });
const strings = (values) => ({
  dtype: "DT_STRING", tensor_shape: { dim: [{ size: values.length }] },
  string_val: values.map((text) => Buffer.from(text)),
});
const integers = (values) => ({ dtype: "DT_INT32", tensor_shape: { dim: [{ size: values.length }] }, int_val: values });

const prediction = client(serving.PredictionService, address);
const models = client(serving.ModelService, address);
const language = client(serving.PredictionService, languageAddress);

const scaled = await call(prediction, "Predict", { model_spec: { name: "numeric" }, inputs: map({ x: floats([1.5, -2]) }) });
const texts = await call(language, "Predict", {
  model_spec: { name: "toy", signature_name: "generate" },
  inputs: map({ prompts: strings(["the dog", "Füchse"]), max_new_tokens: integers([5]) }),
});
const metadata = await call(prediction, "GetModelMetadata",
  { model_spec: { name: "numeric" }, metadata_field: ["signature_def"] });

console.log(JSON.stringify({
  scaled: output(scaled, "y").float_val,
  version: scaled.model_spec.version.value,
  texts: output(texts, "text").string_val.map(String),
  num_tokens: output(texts, "num_tokens").int_val,
  metadata_type: metadata.metadata[0].value.type_url,
  status: await call(models, "GetModelStatus", { model_spec: { name: "numeric" } }),
  errors: [
    await call(prediction, "Predict", { model_spec: { name: "absent" }, inputs: map({ x: floats([1]) }) }),
    await call(prediction, "Predict", { model_spec: { name: "numeric" }, inputs: map({ x: strings(["a"]) }) }),
    await call(models, "GetModelStatus", { model_spec: { name: "absent" } }),
    await call(language, "Predict", { model_spec: { name: "toy" }, inputs: map({ prompts: strings(["x".repeat(300)]) }) }),
  ],
}));
for (const one of clients) one.close();
