// Which token each piece of the text comes from.
//
// A token may hold part of a character, and the text waits for whole characters and for possible stop
// strings, so tokens run ahead of it. Tokens become pieces of whole characters first; then the text
// takes as much of the pieces as there is text. A byte that belongs to no character is one U+FFFD, as
// in the server's text.

const decoder = new TextDecoder("utf-8", { fatal: true });

function characterSize(lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function decoded(bytes) {
  try {
    return decoder.decode(new Uint8Array(bytes));
  } catch {
    return null;
  }
}

class Pieces {
  constructor() {
    this.bytes = [];
  }

  // {text, tokens} for all that is whole now.
  add(token) {
    if (!token.bytes) return [...this.rest(), { text: token.text, tokens: [token] }];
    this.bytes.push(...token.bytes.map((value) => ({ value, token })));
    return this.whole(false);
  }

  rest() {
    return this.whole(true);
  }

  whole(isLast) {
    const found = [];
    while (this.bytes.length) {
      const size = characterSize(this.bytes[0].value);
      const values = this.bytes.slice(0, size).map((byte) => byte.value);
      const mayGrow = values.length < size && values.slice(1).every((value) => value >> 6 === 2);
      if (mayGrow && !isLast) break;
      const text = values.length && values.length === size ? decoded(values) : null;
      const taken = this.bytes.splice(0, text === null ? 1 : size);
      found.push({ text: text ?? "\ufffd", tokens: [...new Set(taken.map((byte) => byte.token))] });
    }
    return found;
  }
}

export class Attribution {
  constructor() {
    this.pieces = new Pieces();
    this.waiting = [];
    this.text = "";
  }

  // {text, tokens} for what can be told by now; without tokens if the two do not agree.
  add(text, tokens, isLast) {
    this.text += text;
    for (const token of tokens) this.waiting.push(...this.pieces.add(token));
    if (isLast) this.waiting.push(...this.pieces.rest());
    const found = [];
    while (this.text && this.waiting.length) {
      const piece = this.waiting[0];
      if (!this.text.startsWith(piece.text)) break;
      this.text = this.text.slice(piece.text.length);
      this.waiting.shift();
      if (piece.text) found.push(piece);
    }
    const [next] = this.waiting;
    const isCut = next && next.text.startsWith(this.text);
    if (this.text && (isLast || (next && !isCut))) {
      found.push({ text: this.text, tokens: isCut ? next.tokens : [] });
      this.text = "";
    }
    return found;
  }
}

export function probability(piece) {
  return Math.exp(piece.tokens.reduce((sum, token) => sum + token.log_probability, 0));
}

export function shade(value) {
  return "p" + [0.01, 0.05, 0.2, 0.5].filter((bound) => value >= bound).length;
}

export function percent(value) {
  if (value < 0.0001) return "< 0.01 %";
  return `${value >= 0.0995 ? (100 * value).toFixed(0) : (100 * value).toPrecision(2)} %`;
}

// What a token looks like by itself: line breaks and spaces visible, bytes as numbers.
export function shown(token) {
  if (token.bytes) return token.bytes.map((value) => `<0x${value.toString(16).toUpperCase().padStart(2, "0")}>`).join("");
  if (!token.text) return "end of text";
  return token.text.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replaceAll(" ", "␣");
}
