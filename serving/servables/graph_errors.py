"""TensorFlow's run-time errors, cut down to what a caller can act on.

A failing op arrives as many lines: a heading, the place in the graph, the message,
the node, the function. Only the message is kept. Of ``tf.debugging.assert_*`` only
the text given by the model's author is kept, when there is one. For example::

    Graph execution error:

    Detected at node assert_less/Assert/Assert defined at (most recent call last):
    <stack traces unavailable>
    assertion failed: [prompt has 300 tokens: shorten it] [Condition x < y did not hold ...] [x = ] [300]
             [[{{node assert_less/Assert/Assert}}]] [Op:__inference_signature_wrapper_f_48]

becomes ``prompt has 300 tokens: shorten it``.
"""

from __future__ import annotations

import re

import tensorflow as tf

from serving import errors

_NODE = re.compile(r"\s*\[\[.*?\]\]|\s*\[Op:[^\]]*\](?: name:.*)?$", re.DOTALL)
_FUNCTION = re.compile(r"^\{\{function_node [^}]*\}\}\s*")
_ROOT = re.compile(r"^\(\d+\)\s+(?:[A-Z_]+|[A-Z][a-z ]+):\s+")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_STACK_END = "<stack traces unavailable>"
_ASSERTION = "assertion failed: "


def serving_error(error: tf.errors.OpError) -> errors.ServingError:
    """The package's error for one that TensorFlow raised while a signature ran."""
    return errors.error_for(
        errors.code_of_number(error.error_code), human_message(error.message or str(error))
    )


def human_message(message: str) -> str:
    """The informative part of a TensorFlow error message; see the module's example."""
    text = message.split(_STACK_END, 1)[-1].strip()
    lines = [line.strip() for line in text.splitlines()]
    roots = [index for index, line in enumerate(lines) if _ROOT.match(line)]
    if roots:
        text = _ROOT.sub("", "\n".join(lines[roots[0] : roots[1] if len(roots) > 1 else None]))
    text = _FUNCTION.sub("", text)
    node = _NODE.search(text)
    if node and node.start() > 0:
        text = text[: node.start()]
    if text.startswith(_ASSERTION):
        text = _assertion_text(text)
    return text.strip() or message.strip()


def _assertion_text(text: str) -> str:
    """The author's words in ``assertion failed: [words] [Condition ... did not hold ...] [values]``."""
    parts = text.removeprefix(_ASSERTION).strip().removeprefix("[").removesuffix("]").split("] [")
    condition = next((index for index, part in enumerate(parts) if part.startswith("Condition ")), len(parts))
    words = " ".join(_unescaped(part) for part in parts[:condition] if part)
    return words or text


def _unescaped(text: str) -> str:
    """``model\\'s caf\\303\\251`` as it was before TensorFlow escaped it: ``model's café``."""
    return _ESCAPE.sub(_unescaped_byte, text.encode()).decode("utf-8", errors="replace")


def _unescaped_byte(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code.isdigit():
        return bytes([int(code, 8) & 0xFF])
    return {b"n": b"\n", b"t": b"\t", b"r": b"\r"}.get(code, code)
