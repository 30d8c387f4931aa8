r"""The lines that C4 removed from web pages (Raffel et al., arXiv 1910.10683, section 2.2, third version).

A line stays if it ends in terminal punctuation (``. ! ?`` or an end quotation mark), has at least
`MIN_WORDS` words, and holds neither ``javascript`` nor a notice of policy or cookies. Lines are those
between ``\n``; blank ones go too. Worked example: of ``"Home\nIt was the best of times.\nSee our
Privacy Policy at the end of this page."`` the second line stays.
"""

from __future__ import annotations

MIN_WORDS = 5
TERMINAL = (".", "!", "?", '"', "”", "’", "»", "。", "！", "？", "」", "』")
"""C4's four, and what stands in their place in other scripts."""
_ELLIPSES = ("...", "…")
_NOTICES = (
    "javascript",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
"""Section 2.2; the last six are in the authors' published code (tensorflow_datasets, c4_utils)."""


def keep_sentences(text: str) -> str:
    """The lines that stay, joined by line ends; may be empty."""
    return "\n".join(line for line in text.split("\n") if is_kept(line))


def is_kept(line: str) -> bool:
    """Whether C4 would keep a line."""
    line = line.strip()
    if not line.endswith(TERMINAL) or line.endswith(_ELLIPSES) or len(line.split()) < MIN_WORDS:
        return False
    lower = line.lower()
    return not any(notice in lower for notice in _NOTICES)
