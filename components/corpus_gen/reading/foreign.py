"""Files that are not what a source says, told by their first bytes: archives, documents, other encodings.

Much of this would pass for text. A tar archive of texts is valid UTF-8, with its headers; of a file in UTF-16
all lines but the first are, with a NUL at every other place. So such a file is left as a whole.
"""

from __future__ import annotations

from components.corpus_gen.reading import compression
from components.corpus_gen.reading.records import FORMAT, UTF8, UnreadableFileError

START_BYTES = 512
_UNPACK = "unpack it"
_EXPORT = "save it as text"
_MARKS = (
    (b"PK\x03\x04", "a ZIP archive, or a document that is one (docx, xlsx, epub, npz)", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x04\x22\x4d\x18", "compressed with LZ4", _UNPACK),
    (b"%PDF-", "a PDF document", _EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", _EXPORT),
    (b"{\\rtf1", "an RTF document", _EXPORT),
    (b"PAR1\x15", "a Parquet file", 'set format = "parquet"'),
    (b"ARROW1\0\0", "an Arrow file", "write it as Parquet"),
    (b"SQLite format 3\0", "an SQLite database", "export its tables"),
)
_TAR_MARK, _TAR_OFFSET = b"ustar", 257
_BYTE_ORDER_MARKS = (  # UTF-32's first: in one order it begins with UTF-16's.
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_FEW_CHARACTERS = 8


def require_text(start: bytes) -> None:
    """Raises `UnreadableFileError` if ``start``, `START_BYTES` of a file or all of it, after
    decompression, is of no text in UTF-8 or of a page."""
    for mark, what, advice in _MARKS:
        if start.startswith(mark):
            raise UnreadableFileError(FORMAT, f"is {what}; {advice}")
    if start[_TAR_OFFSET:].startswith(_TAR_MARK):
        raise UnreadableFileError(FORMAT, f"is a tar archive; {_UNPACK}")
    if twice := compression.sniff(start):
        raise UnreadableFileError(FORMAT, f"is compressed twice, with {twice} within; decompress it once")
    if encoding := _other_unicode(start):
        advice = f"convert it to UTF-8, as with iconv -f {encoding} -t UTF-8"
        raise UnreadableFileError(UTF8, f"is in {encoding}, not UTF-8; {advice}")


def _other_unicode(start: bytes) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            return encoding
    # Without a mark: the first letters of what begins in ASCII, beside zeros.
    head = start[: 2 * _FEW_CHARACTERS]
    if len(head) == 2 * _FEW_CHARACTERS:
        for first, encoding in ((0, "UTF-16LE"), (1, "UTF-16BE")):
            if all(head[first::2]) and not any(head[1 - first :: 2]):
                return encoding
    return None
