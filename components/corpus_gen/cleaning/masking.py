"""E-mail addresses, IP addresses, phone numbers and secrets in a text, replaced by placeholders.

Precise before complete: a pattern says yes only where little else looks the same.

- ``email``: a name, ``@``, a domain with a top-level domain of letters that is no file's ending.
- ``ip``: IPv4 in four decimal numbers and IPv6, of the public ranges. Private, reserved and documentation
  addresses (10.0.0.1, 127.0.0.1, 192.0.2.1) name nobody and stay; so do four numbers after *version*,
  *release*, *section* and their kind, or glued to a word (``v1.2.3.4``). A bare ``1.2.3.4`` is masked.
- ``phone``: with ``+`` and a country calling code; North American (``(212) 555-0123``); ten digits in pairs
  that start with 0, as in France; Chinese mobile numbers. Digits in a row are otherwise left alone: prices,
  dates, ISBN and account numbers look like that.
- ``secret``: `secret_patterns`.

Each kind is masked once over the whole text, secrets first, as they may hold what looks like the others.
Masking twice changes nothing. It is no proof of anonymity: names, streets and birthdays stay.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

from components.corpus_gen.cleaning import secret_patterns

PLACEHOLDERS = {"email": "<EMAIL>", "ip": "<IP>", "phone": "<PHONE>", "secret": "<SECRET>"}
"""Kind -> what stands in its place."""

_EMAIL = re.compile(
    r"(?<![\w.%+@/-])[\w%+-]{1,64}(?:\.[\w%+-]{1,64}){0,8}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}"
    r"(?!(?:png|jpe?g|gif|svg|webp|css|js|py|html?|txt|json|xml|md)\b)[^\W\d_]{2,24}(?![\w@])"
)
_IPV4 = re.compile(r"(?<![\w.-])(?<!\w/)\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d)")
_IPV6 = re.compile(
    r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?<!:)(?![\w:])|(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{1,33}::(?![\w:])"
)
_NUMBERED = re.compile(
    r"(?:version|ver|release|build|firmware|section|sect|chapter|clause|paragraph|rev(?:ision)?|oid|§)s?_{0,2}"
    r"""["']?[ \t]{0,2}[.:#=]?\s{0,2}["']?\Z|[=~!<>]=\s?\Z""",
    re.IGNORECASE,
)
_SPECIAL = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
    "192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
    "224.0.0.0/3 2001:db8::/32 3fff::/20"
)
_RESERVED = [ipaddress.ip_network(network) for network in _SPECIAL.split()]
"""IANA's special-purpose registries (RFC 6890 and its successors), and multicast."""

_CALLING_CODES = (
    r"(?:1(?=[\s.(-]*[2-9])|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689]\d|3[578]\d|"
    r"42\d|5[09]\d|6[789]\d|8[058]\d|9[679]\d)"
)
_GAP = r"[ .\u00a0-]?"
_PHONE = re.compile(
    # International, E.164: 8 to 15 digits, in groups.
    rf"(?<![\w+.])\+{_CALLING_CODES}(?=(?:[^\d\n]{{0,3}}\d){{6,13}}(?!\d))(?:{_GAP}\(\d{{1,4}}\))?"
    rf"(?:{_GAP}\d{{1,9}}){{1,6}}(?![\w+]|\.\d)"
    # North American: the area code and the exchange start with 2 to 9.
    r"|(?<![\w.+/-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d([-.]))[2-9]\d\d(?(1)\1|[-. ])\d{4}(?![\w-]|\.\d)"
    # Five pairs that start with 0, as in France.
    r"|(?<![\w.+/-])0[1-9](?:([ .-])\d\d)(?:\2\d\d){3}(?![\w-]|[ .]\d)"
    # Chinese mobile numbers: eleven digits, in one or as 3, 4 and 4.
    r"|(?<![\w.+/-])1[3-9]\d(?:\d{8}|([ -])\d{4}\3\d{4})(?![\w-]|\.\d)"
)
_BOOK_NUMBER = re.compile(r"(?:ISBN|ISSN|ISMN|EAN|DOI|ORCID)(?:-1[03])?:?\s*\Z", re.IGNORECASE)
_CONTEXT = 16
"""Characters before a match that may say what it is instead."""


def mask(text: str, kinds: Sequence[str]) -> tuple[str, dict[str, int]]:
    """The text without what is to be masked, and how much of each kind there was.

    ``mask("Mail ada@lovelace.org from 8.8.8.8", ["email", "ip"])`` gives
    ``("Mail <EMAIL> from <IP>", {"email": 1, "ip": 1})``.
    """
    counts: dict[str, int] = {}
    for kind, find in _KINDS.items():
        if kind in kinds:
            text, count = find(text)
            if count:
                counts[kind] = count
    return text, counts


def _replace(
    pattern: re.Pattern[str], text: str, kind: str, is_one: Callable[[re.Match[str]], bool]
) -> tuple[str, int]:
    count = 0

    def placeholder(match: re.Match[str]) -> str:
        nonlocal count
        if not is_one(match):
            return match[0]
        count += 1
        return PLACEHOLDERS[kind]

    return pattern.sub(placeholder, text), count


def _emails(text: str) -> tuple[str, int]:
    return _replace(_EMAIL, text, "email", lambda match: True) if "@" in text else (text, 0)


def _addresses(text: str) -> tuple[str, int]:
    text, old = _replace(_IPV4, text, "ip", _is_public)
    text, new = _replace(_IPV6, text, "ip", _is_public) if ":" in text else (text, 0)
    return text, old + new


def _phones(text: str) -> tuple[str, int]:
    return _replace(_PHONE, text, "phone", lambda match: not _BOOK_NUMBER.search(_before(match)))


def _secrets(text: str) -> tuple[str, int]:
    return secret_patterns.replace(text, PLACEHOLDERS["secret"])


def _is_public(match: re.Match[str]) -> bool:
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return False
    if any(address in network for network in _RESERVED):
        return False
    return not _NUMBERED.search(_before(match))


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _CONTEXT) : match.start()]


_KINDS: dict[str, Callable[[str], tuple[str, int]]] = {
    "secret": _secrets,
    "email": _emails,
    "ip": _addresses,
    "phone": _phones,
}
