"""Which version of the image answers, and how fresh it is. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageState:
    """Moments are epoch ms. `version` counts the manifests; 0: there is no image yet.

    `generation` counts the bases, 0 without one; `deltas` lie over it. `until` is when the newest change
    was made that the image holds, `published_on` when this version was, `read_on` when it was found to be the
    newest. `fallback` says what could not be read, and what is read instead; mostly empty.
    """

    version: int = 0
    generation: int = 0
    until: int = 0
    published_on: int = 0
    read_on: int = 0
    deltas: int = 0
    fallback: str = ""

    def as_json(self) -> dict[str, object]:
        """Give it as an answer's metadata."""
        return {
            "version": self.version,
            "generation": self.generation,
            "until": self.until,
            "publishedOn": self.published_on,
            **({"fallback": self.fallback} if self.fallback else {}),
        }
