// One model's card: which model it is, how good it was found, and its continuation as it grows.

import { AnswerError, generation } from "/web/events.js";
import { explain } from "/web/tip.js";
import { Attribution, probability, shade } from "/web/tokens.js";

const ENDS = {
  stop: "ended by itself or at a stop string", length: "as long as asked for", context: "the model’s context is full",
};
const METRICS = { bits_per_byte: "bits per byte", perplexity: "perplexity", loss: "loss" };
const STYLES = { gpt2: "GPT-2 style Transformer", llama: "Llama style Transformer" };

function made(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function nameOf(model) {
  return `${model.name}, version ${model.version}`;
}

function shapeOf(model) {
  const parts = [];
  const { family, style, num_layers, hidden_dim } = model.network || {};
  const kind = family === "transformer" ? STYLES[style] || "Transformer" : (family || "").toUpperCase();
  if (kind) parts.push(num_layers ? `${kind}, ${num_layers} ${num_layers === 1 ? "layer" : "layers"} of ${hidden_dim}` : kind);
  if (model.num_parameters) parts.push(`${model.num_parameters.toLocaleString("en")} parameters`);
  if (model.context_length) parts.push(`context ${model.context_length.toLocaleString("en")}`);
  if (model.training_tokens) parts.push(`${model.training_tokens.toLocaleString("en")} tokens of training`);
  return parts;
}

function bitsPerByte(model) {
  return model && model.evaluation && model.evaluation.overall && model.evaluation.overall.bits_per_byte;
}

function difference(bits, otherBits) {
  if (typeof otherBits !== "number") return [];
  const by = bits - otherBits;
  if (Math.abs(by) < 0.0005) return [" (the same)"];
  const words = `${Math.abs(by).toFixed(3)} ${by < 0 ? "better" : "worse"}`;
  return [" (", made("span", by < 0 ? "better" : "worse", words), ")"];
}

export class Card {
  constructor(onChoice) {
    this.root = document.getElementById("card").content.firstElementChild.cloneNode(true);
    this.select = this.find("select");
    this.output = this.find(".output");
    this.output.dataset.empty = "The continuation appears here.";
    this.chosen = null;
    this.model = null;
    this.select.addEventListener("change", () => { this.chosen = this.select.value; onChoice(); });
    explain(this.output);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  // Offers the models; what was chosen stays chosen while it is served, else `preferred` is taken.
  offer(models, preferred) {
    this.select.replaceChildren(...models.map((model) => {
      const option = new Option(nameOf(model) + (model.streams ? "" : " (generates no text here)"), model.path);
      option.disabled = !model.streams;
      return option;
    }));
    const isThere = models.some((model) => model.path === this.chosen && model.streams);
    if (!isThere) this.chosen = null;
    this.select.value = this.chosen || (preferred ? preferred.path : "");
    this.select.disabled = !preferred;
    this.model = models.find((model) => model.path === this.select.value) || null;
  }

  // Says what the model is; `other`, if given, is what it is compared with.
  describe(other) {
    const evaluation = (this.model && this.model.evaluation) || {};
    const bits = bitsPerByte(this.model);
    const parts = this.model ? shapeOf(this.model).map((text) => [text]) : [];
    if (typeof bits === "number") {
      parts.unshift([made("b", "", `${bits.toFixed(3)} bits per byte`), ...difference(bits, bitsPerByte(other))]);
    } else if (this.model) {
      parts.unshift(["not evaluated"]);
    }
    this.find(".facts").replaceChildren(...parts.flatMap((part, index) => (index ? [" · ", ...part] : part)));
    this.find(".evaluation").hidden = !Object.keys(evaluation).length;
    this.find("table").replaceChildren(...rows(evaluation));
  }

  clear() {
    this.output.replaceChildren();
    this.find(".outcome").textContent = "";
    this.problem("");
  }

  problem(text) {
    const place = this.find(".problem");
    place.textContent = text;
    place.hidden = !text;
  }

  // Streams one continuation; never raises. Gives "ended", "stopped" or "failed".
  async run(request, signal) {
    const target = this.model.path.split("/").map(encodeURIComponent).join("/");
    const path = `/v1/models/${target}:generateStream`;
    this.clear();
    this.output.classList.add("writing");
    this.showRequest(path, request);
    try {
      await this.write(request.prompt, generation(path, request, signal));
      return "ended";
    } catch (error) {
      if (signal.aborted) {
        this.find(".outcome").textContent += `${this.find(".outcome").textContent ? " · " : ""}stopped`;
        return "stopped";
      }
      if (!(error instanceof AnswerError)) throw error;
      this.problem(error.message);
      return "failed";
    } finally {
      this.output.classList.remove("writing");
    }
  }

  // The prompt comes with the first piece of text: a refused one need not be read again.
  async write(prompt, stream) {
    const begun = performance.now();
    const attribution = new Attribution();
    let first = 0, place = 0, nats = 0, count = 0;
    for await (const event of stream) {
      const now = performance.now();
      if (!first) this.output.append(made("span", "given", prompt));
      first ||= now - begun;
      const tokens = event.tokens || [];
      for (const token of tokens) nats -= token.log_probability;
      count += tokens.length;
      for (const piece of attribution.add(event.text, tokens, Boolean(event.finish_reason))) {
        this.output.append(this.span(piece, place + 1));
        place += piece.tokens.length;
      }
      const rate = event.num_tokens / Math.max((now - begun) / 1000, 0.001);
      const parts = [`${event.num_tokens} tokens`, `${rate.toFixed(0)} a second`, `first after ${first.toFixed(0)} ms`];
      if (count) parts.push(`perplexity of this text ${Math.exp(nats / count).toFixed(1)}`);
      if (event.finish_reason) parts.push(ENDS[event.finish_reason] || event.finish_reason);
      this.find(".outcome").textContent = parts.join(" · ");
    }
  }

  span(piece, place) {
    if (!piece.tokens.length) return made("span", "", piece.text);
    const span = made("span", `token ${shade(probability(piece))}`, piece.text);
    // A line break by itself has no width to point at.
    if (piece.text.startsWith("\n")) span.classList.add("break");
    span.piece = piece;
    span.place = place;
    return span;
  }

  showRequest(path, request) {
    const body = JSON.stringify(request).replaceAll("'", "'\\''");
    this.find(".request pre").textContent = `curl -N '${location.origin}${path}' \\\n-d '${body}'`;
    this.find(".request").hidden = false;
  }
}

function rows(evaluation) {
  const names = Object.keys(METRICS);
  const head = made("thead"), body = made("tbody"), titles = made("tr");
  titles.append(made("th", "", "slice"), ...names.map((name) => made("th", "", METRICS[name])));
  head.append(titles);
  for (const [slice, metrics] of Object.entries(evaluation)) {
    const row = made("tr");
    const title = made("th", "", slice.replace(":", " "));
    title.scope = "row";
    row.append(title, ...names.map((name) => made("td", "", typeof metrics[name] === "number" ? metrics[name].toPrecision(4) : "–")));
    body.append(row);
  }
  return [head, body];
}
