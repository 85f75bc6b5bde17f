"""Finds the API key in texts that a server sent back, however it was encoded on the way."""

import re
from base64 import b64encode, urlsafe_b64encode

from ..settings.secret_values import MIN_MASKED_LENGTH

NOTHING = re.compile(r"(?!)")


def forms_of(key: str) -> re.Pattern[str]:
    """Matches a key as it is, URL-encoded (also in part, or twice), and within base64.

    Base64 of a text that contains the key, like `user:key` of an Authorization header, contains
    one of three texts, which differ by how many bytes come before the key. A key shorter than
    MIN_MASKED_LENGTH is not matched, because ordinary words may contain it.
    """
    if len(key) < MIN_MASKED_LENGTH:
        return NOTHING
    encoded = "".join(f"(?:{re.escape(c)}|%(?:25)*(?i:{ord(c):02x}))" for c in key)
    forms = [encoded]
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            # Characters at the ends depend on the bytes beside the key, too.
            text = encode(b"\0" * before + key.encode())
            inner = text[(0, 2, 3)[before] : (before + len(key)) * 8 // 6].decode()
            forms.append(f"[A-Za-z0-9+/_-]{{0,2}}{re.escape(inner)}[A-Za-z0-9+/_-]{{0,2}}={{0,2}}")
    return re.compile("|".join(forms))
