"""Secrets in a text: tokens that their issuers mark, private keys, passwords in addresses and settings.

A marked token is told by its prefix, its alphabet and its length, as their issuers publish them for secret
scanning. An assignment (``password = "…"``, ``API_KEY: …``) is one when the value looks random: at least
`MIN_ENTROPY` bits a character over at least 12 characters, with letters and digits. Hashes, UUIDs and
base64 data without such a name beside them are left alone: most are not secret.
"""

from __future__ import annotations

import collections
import math
import re

MIN_ENTROPY = 3.0
"""Bits a character of the value's own distribution; sixteen random hexadecimal digits have about 3.2."""

_MARKED = re.compile(
    # A whole key, or, where its end is cut off, the lines that can be of one: prose names the marks, too.
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:"
    r"[\s\S]{0,30000}?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:\s{1,4}[A-Z][A-Za-z-]{3,20}: [^\n]{0,80})*(?:(?:\\[nr]|\s){1,4}[A-Za-z0-9+/=]{16,})+)"
    r"|(?<![A-Za-z0-9_-])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}"  # Amazon Web Services
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255}"
    r"|glpat-[A-Za-z0-9_-]{20,64}"  # GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[A-Za-z0-9-]{20,255}"  # Slack
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,255}|GOCSPX-[A-Za-z0-9_-]{28}"  # Google
    r"|sk-(?:(?:proj|ant|or|svcacct|admin)-)?[A-Za-z0-9_-]{20,255}"  # OpenAI, Anthropic, OpenRouter
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}"  # Stripe
    r"|gsk_[A-Za-z0-9]{40,64}|dckr_pat_[A-Za-z0-9_-]{27}"  # Groq, Docker
    r"|hf_[A-Za-z0-9]{34}|npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_-]{50,255}"
    r"|SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|dop_v1_[a-f0-9]{64}"  # SendGrid, DigitalOcean
    r"|eyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{16,2048}"  # JSON web token
    r")(?![A-Za-z0-9_-])"
)
_IN_ADDRESS = re.compile(
    r"(?<=://)(?:[^\s/:@<>]{0,64}):(?:[^\s/@<>]{1,128})(?=@)"
    r"|(?<=://hooks\.slack\.com/services/)[A-Z0-9]{8,12}/[A-Z0-9]{8,12}/[A-Za-z0-9]{20,32}(?![A-Za-z0-9])"
)
_IN_HEADER = re.compile(
    r"""([Aa]uthorization["']?: ["']?(?:Bearer|Basic|Token) )([A-Za-z0-9+/._~-]{16,4096}={0,2})(?![\w<(])"""
)
_ASSIGNED = re.compile(
    r"(?i:\b(?:[a-z0-9_.-]{0,40}(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key))\b)"
    r"""(["']?\s{0,3}(?:=|:|=>|:=)\s{0,3}["']?)([A-Za-z0-9+/_.~!$%^&*-]{12,512}={0,2})(?![\w<(])"""
)
_HINTS = re.compile(r"(?i)password|passwd|secret|token|key")


def replace(text: str, placeholder: str) -> tuple[str, int]:
    """The text with each secret's place taken, and their number.

    ``replace("https://bob:hunter2@example.org", "<SECRET>")`` gives
    ``("https://<SECRET>@example.org", 1)``; names of settings stay: ``api_key = "<SECRET>"``.
    """
    text, count = _MARKED.subn(placeholder, text)
    if "://" in text:
        text, more = _IN_ADDRESS.subn(placeholder, text)
        count += more
    if "uthorization" in text:
        text, more = _replace_random(_IN_HEADER, text, placeholder)
        count += more
    if _HINTS.search(text):
        text, more = _replace_random(_ASSIGNED, text, placeholder)
        count += more
    return text, count


def entropy(value: str) -> float:
    """Bits a character: ``entropy("aaaa") -> 0.0``, ``entropy("abcd") -> 2.0``."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in collections.Counter(value).values())


def _replace_random(pattern: re.Pattern[str], text: str, placeholder: str) -> tuple[str, int]:
    """The second group of ``pattern``, where it looks random; the first is what comes before it."""
    count = 0

    def of(match: re.Match[str]) -> str:
        nonlocal count
        value = match[2]
        if not _looks_random(value) or (match[1][-1] not in "\"'" and _is_name(value)):
            return match[0]
        count += 1
        return match[0][: len(match[0]) - len(value)] + placeholder

    return pattern.sub(of, text), count


def _is_name(value: str) -> bool:
    """Whether it is one of a program's names, such as ``options.s3_secret_key``: words with few digits."""
    words = re.split("[._]", value)
    return len(words) > 1 and all(re.fullmatch("[A-Za-z]*[0-9]{0,2}[A-Za-z]*", word) for word in words)


def _looks_random(value: str) -> bool:
    has_both = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return has_both and entropy(value) >= MIN_ENTROPY
