import ast

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.sequence_packer import packing
from models.tokenizing.vocabulary import Vocabulary
from pipeline.data import row_text
from pipeline.data.row_text import Piece

VOCABULARY = Vocabulary(
    tuple([b""] * 5 + [b"f", b"g", b"h", b"8 = ", b"\xe4\n"]), start_id=2, end_id=2, pad_id=0
)
DOCUMENTS = [
    packing.TokenizedDocument(np.array([5, 6, 7], np.int32), 3),
    packing.TokenizedDocument(np.array([8, 9], np.int32), 6, num_prompt_tokens=1, num_prompt_bytes=4),
]


def _rows():
    packed = packing.pack_stream(DOCUMENTS, VOCABULARY, 4)
    return [row_text.decode_row(record) for rows in packed for record in rows.encode("a source")]


def test_the_worked_example():
    first, second = _rows()
    assert row_text.pieces(first, VOCABULARY) == [
        Piece("end", False, 1, (b"",)),
        Piece("text", True, 1, (b"f", b"g", b"h")),
        Piece("end", True, 2, (b"",)),
    ]
    assert list(row_text.lines(second, VOCABULARY)) == [
        "  1  context  end",
        '  1  context  "8 = "',
        r'  1  target   "\xe4\n"',
        "  2  target   end",
        "  -  padding  1",
    ]
    assert (second.source, second.num_bytes) == ("a source", 2)


def test_token_boundaries_are_shown_on_request():
    [_, text, _] = row_text.lines(_rows()[0], VOCABULARY, by_token=True)
    assert text == '  1  target   "f" "g" "h"'


@given(st.binary())
def test_what_is_quoted_can_be_read_back_and_prints(text):
    quoted = row_text.quote(text)
    assert quoted.isprintable()
    assert ast.literal_eval(quoted.replace("\\x", "\\udc")).encode("utf-8", "surrogateescape") == text


def test_what_is_shown_gives_a_terminal_no_commands():
    assert row_text.shown(b"a\n\x1b[31mb\xe2\x80\xae\xff") == "a\n\\u001b[31mb\\u202e\\xff"
