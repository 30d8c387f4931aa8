// Server-sent events of an answer to a POST, which EventSource cannot send.

export class AnswerError extends Error {}

export async function* events(response) {
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

// The events of one generation; an error of whatever kind is an AnswerError in words, except that
// an aborted request ends in an AbortError.
export async function* generation(path, request, signal) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request), signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new AnswerError("The server does not answer: is it still running?");
  }
  if (!response.ok) throw new AnswerError(await refusal(response));
  let last = {};
  try {
    for await (last of events(response)) {
      if (last.error) break;
      yield last;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new AnswerError("The connection was lost before the text ended.");
  }
  if (last.error) throw new AnswerError(last.error);
  if (!last.finish_reason) throw new AnswerError("The server ended the connection before the text ended.");
}

async function refusal(response) {
  try {
    return (await response.json()).error || `The server answers ${response.status}.`;
  } catch {
    return `The server answers ${response.status} ${response.statusText}.`;
  }
}
