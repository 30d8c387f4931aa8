// What else was likely at a token: beside the pointer, or at the token that the arrow keys have reached.

import { percent, probability, shown } from "/web/tokens.js";

const tip = document.getElementById("tip");
const spoken = document.getElementById("spoken");

function made(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function line(token, isChosen) {
  const value = Math.exp(token.log_probability);
  const bar = made("span", "bar");
  bar.style.width = `${(100 * value).toFixed(1)}%`;
  const item = made("li", isChosen ? "chosen" : "");
  item.append(made("code", "", shown(token)), bar, made("span", "percent", percent(value)));
  return item;
}

function lines(token) {
  const same = (other) => other.text === token.text && String(other.bytes) === String(token.bytes);
  const all = token.alternatives.some(same) ? token.alternatives : [...token.alternatives, token];
  return all.map((other) => line(other, same(other)));
}

function show(span) {
  const { piece, place } = span;
  const [token, ...more] = piece.tokens;
  const title = `Token ${place}: ${percent(probability(piece))}`;
  tip.replaceChildren(made("p", "", more.length ? `${title}, a character of ${more.length + 1} tokens` : title));
  const list = made("ol");
  list.append(...(more.length ? piece.tokens.map((one) => line(one, false)) : lines(token)));
  tip.append(list);
  tip.hidden = false;
  const box = span.getClientRects()[0] || span.getBoundingClientRect();
  const room = document.documentElement;
  const isBelow = box.bottom + tip.offsetHeight + 12 < room.clientHeight || box.top < tip.offsetHeight + 12;
  tip.style.left = `${Math.max(8, Math.min(box.left, room.clientWidth - tip.offsetWidth - 8)) + scrollX}px`;
  tip.style.top = `${(isBelow ? box.bottom + 6 : box.top - tip.offsetHeight - 6) + scrollY}px`;
}

function hide() {
  tip.hidden = true;
}

function current(output, span) {
  for (const other of output.querySelectorAll(".current")) other.classList.remove("current");
  if (!span) return hide();
  span.classList.add("current");
  span.scrollIntoView({ block: "nearest" });
  show(span);
  const { alternatives } = span.piece.tokens[0];
  const others = alternatives.slice(0, 3).map((one) => `${shown(one)} ${percent(Math.exp(one.log_probability))}`);
  spoken.textContent = `${span.textContent}, ${percent(probability(span.piece))}. Likeliest: ${others.join(", ")}`;
}

function moved(event) {
  const output = event.currentTarget;
  const spans = [...output.querySelectorAll(".token")];
  const from = spans.findIndex((span) => span.classList.contains("current"));
  const last = spans.length - 1;
  const to = { ArrowRight: Math.min(from + 1, last), ArrowLeft: Math.max(from - 1, 0), Home: 0, End: last }[event.key];
  if (to === undefined || last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  current(output, spans[to]);
}

// Gives a continuation's tokens their explanations.
export function explain(output) {
  output.addEventListener("pointerover", (event) => (event.target.piece ? show(event.target) : hide()));
  output.addEventListener("pointerleave", hide);
  output.addEventListener("click", (event) => event.target.piece && current(output, event.target));
  output.addEventListener("keydown", moved);
  output.addEventListener("blur", () => current(output, null));
}

document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
