"use strict";
// Text of models and of people is only ever set as textContent, never as HTML.

const element = (id) => document.getElementById(id);
const NUMBERS = ["max_new_tokens", "temperature", "top_k", "top_p", "seed"];
const ALTERNATIVES = 5;
let described = new Map();
let under_way = null;

function made(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function say(text, isError = false) {
  element("status").textContent = text;
  element("status").className = isError ? "error" : "";
}

async function loadModels() {
  const answer = await fetch("/web/models");
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  const { models } = await answer.json();
  const chosen = ["left", "right"].map((id) => element(id).value);
  described = new Map();
  for (const model of models) {
    for (const version of model.versions) {
      described.set(`${model.name}/versions/${version.version}`, { name: model.name, ...version });
    }
  }
  for (const [index, id] of ["left", "right"].entries()) {
    const select = element(id);
    select.replaceChildren(...(id === "right" ? [new Option("nothing", "")] : []));
    for (const [path, model] of described) select.add(new Option(`${model.name}, version ${model.version}`, path));
    if (described.has(chosen[index])) select.value = chosen[index];
  }
  say(described.size ? "" : "No model is loaded.", !described.size);
}

function facts(model) {
  const parts = [];
  if (model.num_parameters) parts.push(`${model.num_parameters.toLocaleString("en")} parameters`);
  if (model.context_length) parts.push(`context ${model.context_length}`);
  const overall = (model.evaluation || {}).overall || Object.values(model.evaluation || {})[0];
  if (overall && typeof overall === "object") {
    for (const [name, value] of Object.entries(overall)) {
      if (typeof value === "number" && ["bits_per_byte", "perplexity"].includes(name)) {
        parts.push(`${value.toPrecision(4)} ${name.replaceAll("_", " ")}`);
      }
    }
  } else {
    parts.push("not evaluated");
  }
  return parts.join(" · ");
}

function shade(probability) {
  return "p" + [0.01, 0.05, 0.2, 0.5].filter((bound) => probability >= bound).length;
}

function percent(probability) {
  return probability >= 0.1 ? `${(100 * probability).toFixed(0)} %` : `${(100 * probability).toPrecision(2)} %`;
}

// The tokens' own texts may cut a character in two, and run ahead of the text, which waits for a
// possible stop string. So text is told apart by token as far as the two agree.
class Colours {
  constructor(output) {
    this.output = output;
    this.waiting = [];
  }

  add(text, tokens) {
    this.waiting.push(...tokens);
    while (this.waiting.length && text) {
      const token = this.waiting[0];
      if (!text.startsWith(token.text) || !token.text) break;
      this.show(token.text, token);
      text = text.slice(token.text.length);
      this.waiting.shift();
    }
    if (text) {
      this.show(text, this.waiting.length === 1 ? this.waiting[0] : null);
      this.waiting = [];
    }
  }

  show(text, token) {
    const span = made("span", "token", text);
    if (token) {
      span.classList.add(shade(Math.exp(token.log_probability)));
      span.tabIndex = 0;
      span.token = token;
    }
    this.output.append(span);
  }
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
      const data = buffer.slice(0, end).split("\n").filter((line) => line.startsWith("data: "));
      if (data.length) yield JSON.parse(data.map((line) => line.slice(6)).join("\n"));
    }
  }
}

async function answerOf(path, request, signal) {
  const model = described.get(path);
  const card = made("article");
  const output = made("pre");
  const end = made("p", "facts");
  card.append(made("h2", "", `${model.name}, version ${model.version}`), made("p", "facts", facts(model)), output, end);
  output.append(made("span", "prompt", request.prompt));
  element("answers").append(card);
  const colours = new Colours(output);
  const started = performance.now();
  try {
    const target = path.split("/").map(encodeURIComponent).join("/");
    const response = await fetch(`/v1/models/${target}:generateStream`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request), signal,
    });
    if (!response.ok) throw new Error((await response.json()).error);
    let count = 0;
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error);
      colours.add(event.text, event.tokens || []);
      count = event.num_tokens;
      const seconds = (performance.now() - started) / 1000;
      end.textContent = `${count} tokens, ${(count / seconds).toFixed(0)} a second`;
      if (event.finish_reason) {
        const reasons = { stop: "the end", length: "as many as asked for", context: "the context is full" };
        end.textContent += `, ${reasons[event.finish_reason]}`;
      }
    }
  } catch (error) {
    if (error.name === "AbortError") end.textContent += ", stopped";
    else end.replaceChildren(made("span", "error", error.message));
  }
}

async function run() {
  if (under_way || !element("form").reportValidity()) return;
  const request = { prompt: element("prompt").value, alternatives: ALTERNATIVES };
  for (const name of NUMBERS) request[name] = Number(element(name).value);
  if (element("stop").value) request.stop = [element("stop").value];
  const paths = ["left", "right"].map((id) => element(id).value).filter(Boolean);
  if (!paths.length) return say("No model is loaded.", true);
  under_way = new AbortController();
  element("answers").replaceChildren();
  element("cancel").hidden = false;
  say("");
  await Promise.all(paths.map((path) => answerOf(path, request, under_way.signal)));
  under_way = null;
  element("cancel").hidden = true;
  document.body.dataset.answered = Number(document.body.dataset.answered || 0) + 1;
}

function showTip(target) {
  const tip = element("tip");
  const token = target && target.token;
  tip.hidden = !token;
  if (!token) return;
  const line = (text, value) => `${percent(Math.exp(value)).padStart(7)}  ${JSON.stringify(text)}`;
  tip.textContent = [
    line(token.text, token.log_probability),
    "",
    ...token.alternatives.map((other) => line(other.text, other.log_probability)),
  ].join("\n");
  const box = target.getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left) + window.scrollX}px`;
  tip.style.top = `${box.bottom + 4 + window.scrollY}px`;
}

element("form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
element("reroll").addEventListener("click", () => { element("seed").value = (Number(element("seed").value) + 1) % 2 ** 31; run(); });
element("cancel").addEventListener("click", () => under_way && under_way.abort());
element("prompt").addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run(); });
for (const kind of ["mouseover", "focusin"]) element("answers").addEventListener(kind, (event) => showTip(event.target));
for (const kind of ["mouseout", "focusout"]) element("answers").addEventListener(kind, () => showTip(null));
element("left").addEventListener("focus", () => loadModels().catch(() => {}));
loadModels().catch((error) => say(`The server does not answer: ${error.message}`, true));
