"""A store beside which S3 is imitated: the objects of a folder, every byte and request counted.

It is no folder to those who read it, so that they fetch as from S3: ranges, into their own cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from secgraph.image.ports import ObjectStore, Pointer


@dataclass(slots=True)
class CountedStore:
    """An ObjectStore over another one. `read` is in bytes."""

    inner: ObjectStore
    requests: int = field(default=0, init=False)
    read: int = field(default=0, init=False)

    def get(self, name: str) -> bytes:
        """Read an object whole."""
        return self._counted([self.inner.get(name)])[0]

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read stretches of an object: a request each."""
        return self._counted(self.inner.get_ranges(name, ranges))

    def put(self, name: str, body: bytes) -> None:
        """Write an object."""
        self.inner.put(name, body)

    def put_file(self, name: str, path: str) -> None:
        """Write an object from a file."""
        self.inner.put_file(name, path)

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects."""
        self.inner.delete(names)

    def names(self, prefix: str) -> list[str]:
        """List objects."""
        return self.inner.names(prefix)

    def sizes(self, prefix: str) -> Mapping[str, int]:
        """List objects with their sizes."""
        return self.inner.sizes(prefix)

    def pointer(self) -> Pointer | None:
        """Read the pointer."""
        return self._pointed(self.inner.pointer())

    def pointer_unless(self, tag: str) -> Pointer | None:
        """Read the pointer unless it has this tag."""
        return self._pointed(self.inner.pointer_unless(tag))

    def swap(self, body: bytes, held: str | None) -> str | None:
        """Replace the pointer."""
        return self.inner.swap(body, held)

    def _pointed(self, pointer: Pointer | None) -> Pointer | None:
        self._counted([pointer.body if pointer else b""])
        return pointer

    def _counted(self, bodies: list[bytes]) -> list[bytes]:
        self.requests += len(bodies)
        self.read += sum(map(len, bodies))
        return bodies
