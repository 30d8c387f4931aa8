from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus_gen.cleaning import masking, secret_patterns
from components.corpus_gen.cleaning.masking import PLACEHOLDERS

KINDS = tuple(PLACEHOLDERS)
TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("@.:/+-() 0123456789aA")))
WORDS = st.text(st.characters(categories=["L"]), min_size=1).map(lambda word: f" {word} ")
KEY = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
TOKEN = (
    "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
)
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc==\n-----END RSA PRIVATE KEY-----"

PERSONAL = {
    "email": [
        "ada@lovelace.org",
        "ada.lovelace+maths@mail.example.co.uk",
        "o_neil-x@a-b.example",
        "émile@café.fr",
    ],
    "ip": ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2a00:1450::"],
    "phone": [
        "+1 (212) 555-0123",
        "+1-212-555-0123",
        "+33 1 23 45 67 89",
        "+442079460958",
        "+86 138 0013 8000",
        "(212) 555-0123",
        "212-555-0123",
        "212.555.0123",
        "01 23 45 67 89",
        "13800138000",
        "138-0013-8000",
    ],
    "secret": [
        KEY,
        GITHUB,
        TOKEN,
        PEM,
        "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0",
        "xoxb-" + "123456789012-abcdefGHIJK",
    ],
}
OTHER = [
    # Versions, sections and addresses that name nobody.
    "version 1.2.3.4",
    "v1.2.3.4",
    "Release: 10.20.30.40",
    "§ 4.3.2.1",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.2.3",
    "lib-1.2.3.4",
    "Firefox/3.6.3.1",
    "127.0.0.1",
    "192.168.1.10",
    "10.0.0.1",
    "192.0.2.1",
    "2001:db8::1",
    "12:34:56",
    "std::string::npos",
    "a::b",
    # Numbers.
    "ISBN 978-0-306-40615-7",
    "ISBN 0-306-40615-2",
    "978-3-16-148410-0",
    "2026-01-31 23:59:59",
    "1,234,567,890",
    "3.14159265358979",
    "123-45-6789",
    "1609459200",
    "4111 1111 1111 1111",
    "0.0123456789",
    "x+12345678901",
    "+10 000 000 000",
    "123-456-7890",
    "110101199003071234",
    # What has an @ and is no address.
    "icon@2x.png",
    "@media print",
    "user@localhost",
    "a @ b.org",
    "@pytest.mark.skip",
    # What looks random and is no secret.
    "d41d8cd98f00b204e9800998ecf8427e",
    "123e4567-e89b-12d3-a456-426614174000",
    "password: correct horse battery staple",
    "the token is on the table",
    "api_key = os.environ['API_KEY_NAME_2']",
    "sk-learn",
    "https://example.org:8080/path@2",
    "-----BEGIN PUBLIC KEY-----",
    "files that start with -----BEGIN RSA " + "PRIVATE KEY----- and what comes after it",
    "session_token = s3_options.s3_session_token",
    "token = config_v2.settings.get('token')",
    "Authorization: Bearer your-access-token",
    "pip install package==1.2.3.4",
    'version="1.2.3.4"',
    "__version__ = '3.5.0.1'",
    "OID 1.3.6.1",
]


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind in KINDS for value in PERSONAL[kind]])
@pytest.mark.parametrize("frame", ["{}", "Write to {}, now.", "({})", "“{}”", "联系：{}。", "x {}\n{}\ny"])
def test_what_names_somebody_is_masked_and_counted(kind: str, value: str, frame: str) -> None:
    count = frame.count("{}")

    assert masking.mask(frame.format(*[value] * count), KINDS) == (
        frame.format(*[PLACEHOLDERS[kind]] * count),
        {kind: count},
    )


@pytest.mark.parametrize("text", OTHER)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert masking.mask(f"See {text} here.", KINDS) == (f"See {text} here.", {})


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_kinds_asked_for_are_masked(kind: str) -> None:
    text = " and ".join(values[0] for values in PERSONAL.values())

    masked, counts = masking.mask(text, [kind])

    assert counts == {kind: 1}
    assert [values[0] in masked for other, values in PERSONAL.items()] == [
        other != kind for other in PERSONAL
    ]


@given(TEXTS)
def test_a_second_time_changes_nothing(text: str) -> None:
    once, _ = masking.mask(text, KINDS)

    assert masking.mask(once, KINDS) == (once, {})


@given(st.lists(st.one_of(WORDS, st.sampled_from([v for values in PERSONAL.values() for v in values]))))
def test_nothing_that_was_masked_can_be_read_afterwards(parts: list[str]) -> None:
    masked, counts = masking.mask(" ; ".join(parts), KINDS)

    for values in PERSONAL.values():
        for value in values:
            assert value not in masked
    assert sum(counts.values()) == sum(part in values for part in parts for values in PERSONAL.values())


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgres://bob:hunter2@db.example.org/x", "postgres://<SECRET>@db.example.org/x"),
        ('api_key = "q9Zt7LwP2xVb4NcR"', 'api_key = "<SECRET>"'),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "AWS_SECRET_ACCESS_KEY=<SECRET>"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF cut off", "<SECRET> cut off"),
        ("redis://:p4ssw0rd@cache:6379", "redis://<SECRET>@cache:6379"),
        (
            'headers={"Authorization": "Bearer q9Zt7LwP2xVb4NcRq9Zt"}',
            'headers={"Authorization": "Bearer <SECRET>"}',
        ),
        (
            "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/" + "q9Zt7LwP2xVb4NcRq9Zt7LwP",
            "https://hooks.slack.com/services/<SECRET>",
        ),
    ],
)
def test_a_secrets_surroundings_stay(text: str, masked: str) -> None:
    assert masking.mask(text, ["secret"]) == (masked, {"secret": 1})


def test_entropy_is_shannons() -> None:
    assert secret_patterns.entropy("aaaa") == 0.0
    assert secret_patterns.entropy("abcd") == 2.0
    assert secret_patterns.entropy("aabb") == 1.0
