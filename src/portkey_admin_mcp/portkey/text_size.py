"""How much of a model's context a text takes. Standard library only."""

WEIGHTS: tuple[tuple[bytes, int], ...] = (
    (b"0123456789", 38),
    (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 25),
    (b"abcdefghijklmnopqrstuvwxyz ", 10),
    (bytes(range(128, 256)), 25),
)
"""Bytes of UTF-8, and how many tenths of a character of plain text each of them counts."""
WEIGHT_OF_SIGNS = 17
"""The weight of every other byte: punctuation."""
CHARS_PER_TOKEN = 3.2
"""Characters, as `size` counts them, of one token at most."""


def size(text: str) -> int:
    """How much of a limit on results a text takes, in characters of plain English.

    Digits, capitals, punctuation and other scripts count for more than one character, since a
    model reads them in more tokens: a UUID of 36 characters has 23. With these weights, 80,000
    characters are at most 25,000 tokens, as far as this was measured (`docs/decisions/answers.md`).
    """
    rest = text.encode(errors="surrogatepass")
    tenths = 0
    for characters, weight in WEIGHTS:
        others = rest.translate(None, characters)
        tenths += (len(rest) - len(others)) * weight
        rest = others
    return -(-(tenths + len(rest) * WEIGHT_OF_SIGNS) // 10)
