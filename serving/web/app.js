// The page: the form, one card or two, and which models the server has.
// Text of models and of people is only ever set as textContent, never as HTML.

import { Card, nameOf } from "/web/card.js";

const element = (id) => document.getElementById(id);
const NUMBERS = ["max_new_tokens", "temperature", "top_k", "top_p", "seed"];
const ALTERNATIVES = 5;
const LOOK_EVERY_MS = 5000;

const cards = [new Card(describe), new Card(describe)];
let models = [];
let known = "";
let under_way = null;

element("cards").append(...cards.map((card) => card.root));

function shownCards() {
  return element("compare").checked ? cards : cards.slice(0, 1);
}

function say(text) {
  if (element("status").textContent !== text) element("status").textContent = text;
}

function complain(text) {
  if (element("problem").textContent !== text) element("problem").textContent = text;
  element("problem").hidden = !text;
}

function describe() {
  for (const card of cards) card.model = models.find((model) => model.path === card.select.value) || null;
  cards[0].root.hidden = !models.length;
  cards[1].root.hidden = !element("compare").checked;
  cards[0].describe(null);
  cards[1].describe(cards[0].model);
}

function offer() {
  const able = models.filter((model) => model.streams);
  cards[0].offer(models, able[0]);
  cards[1].offer(models, able.find((model) => model !== cards[0].model) || able[0]);
  element("compare").disabled = able.length < 2;
  if (able.length < 2) element("compare").checked = false;
  element("compare").parentElement.title = able.length < 2 ? "Only one is served: models.config can name more" : "";
  element("go").disabled = element("another").disabled = !able.length || Boolean(under_way);
  describe();
  complain(trouble(able));
}

function trouble(able) {
  if (able.length) return "";
  if (!models.length) return "No model is loaded. This page looks again every few seconds.";
  return `${models.map(nameOf).join("; ")}: loaded, but without what generates text step by step. Ask over :predict instead.`;
}

// Looks which models there are; the page follows when versions come and go.
async function look() {
  let text;
  try {
    const answer = await fetch("/web/models");
    text = await answer.text();
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  } catch {
    known = "";
    say("Not connected");
    complain("The server does not answer. This page looks again every few seconds.");
    return;
  }
  if (text === known) return;
  known = text;
  models = JSON.parse(text).models.flatMap(({ name, versions }) =>
    versions.map((version) => ({ name, path: `${name}/versions/${version.version}`, ...version })));
  offer();
  say(models.length === 1 ? "1 version served" : `${models.length} versions served`);
}

function requested() {
  const request = { prompt: element("prompt").value, alternatives: ALTERNATIVES };
  for (const name of NUMBERS) request[name] = Number(element(name).value);
  const stop = element("stop").value.split("\n").filter(Boolean);
  if (stop.length) request.stop = stop.map((text) => text.replace(/\\(n|t|\\)/g, (_, kind) => ({ n: "\n", t: "\t" })[kind] || "\\"));
  return request;
}

async function run() {
  if (under_way || element("go").disabled || !element("form").reportValidity()) return;
  const request = requested();
  under_way = new AbortController();
  element("go").disabled = element("another").disabled = true;
  element("cancel").disabled = false;
  say("Writing");
  try {
    const ends = await Promise.all(shownCards().map((card) => card.run(request, under_way.signal)));
    say({ ended: "Done", stopped: "Stopped", failed: "Failed" }[ends.find((end) => end !== "ended") || "ended"]);
  } finally {
    under_way = null;
    const hadFocus = document.activeElement === element("cancel");
    element("cancel").disabled = true;
    element("go").disabled = element("another").disabled = !models.some((model) => model.streams);
    if (hadFocus) element("go").focus();
  }
}

function stop() {
  if (under_way) under_way.abort();
}

element("form").addEventListener("submit", (event) => { event.preventDefault(); run(); });
element("cancel").addEventListener("click", stop);
element("another").addEventListener("click", () => {
  element("seed").value = (Number(element("seed").value) + 1) % 2 ** 31;
  run();
});
element("compare").addEventListener("change", describe);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stop();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); }
});
setInterval(() => { if (!document.hidden && !under_way) look(); }, LOOK_EVERY_MS);
look();
