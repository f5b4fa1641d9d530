"""Signatures of webhooks, as docs/alerts.md describes them. In: key, time and body. Out: the header's
value."""

from __future__ import annotations

import hashlib
import hmac


def signature(key: str, timestamp: int, body: bytes) -> str:
    """Sign `timestamp.body` by HMAC-SHA256: `v1=` and 64 hexadecimal digits. `timestamp` is in seconds."""
    signed = f"{timestamp}.".encode() + body
    return f"v1={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"
