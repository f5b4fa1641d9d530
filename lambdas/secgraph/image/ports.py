"""What the image needs from the outside. In and out: named objects, bytes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from secgraph.graph.relations import Link
from secgraph.image.base import Base
from secgraph.image.rows import Version


@dataclass(frozen=True, slots=True)
class Pointer:
    """The one object that changes in place, and the tag by which a change of it is noticed."""

    body: bytes
    tag: str


class ObjectStore(Protocol):
    """A bucket's prefix, or a folder. Every object but the pointer is written once under a name of its own.

    Methods raise ObjectMissing for a name that is not there, StoreUnavailable for what may pass.
    """

    def get(self, name: str) -> bytes:
        """Read an object whole."""
        ...

    def get_ranges(self, name: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read stretches (offset, length) of an object, side by side, in their order."""
        ...

    def put(self, name: str, body: bytes) -> None:
        """Write an object."""
        ...

    def put_file(self, name: str, path: str) -> None:
        """Write an object from a local file, in parts if it is large."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects; one that is not there counts as removed."""
        ...

    def names(self, prefix: str) -> list[str]:
        """List the objects whose names begin like this."""
        ...

    def sizes(self, prefix: str) -> Mapping[str, int]:
        """List them with their sizes in bytes."""
        ...

    def pointer(self) -> Pointer | None:
        """Read the pointer, None if there is none yet."""
        ...

    def pointer_unless(self, tag: str) -> Pointer | None:
        """Read the pointer unless it still has this tag."""
        ...

    def swap(self, body: bytes, held: str | None) -> str | None:
        """Replace the pointer if it still has the tag `held` (None: if there is none yet); give its new
        tag, or None if another was faster."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """What a base knows under a hash: the id, and which write of the item it holds; None for a mere end."""

    id: int
    version: Version | None


class BaseTables(Protocol):
    """A base as SQL sees it. Each SELECT it gives can run at once: what it reads was fetched and is whole.

    Methods raise ObjectMissing, ObjectDamaged or StoreUnavailable.
    """

    @property
    def base(self) -> Base:
        """Give the description."""
        ...

    def known(self, hashes: Collection[int]) -> Mapping[int, Known]:
        """Find items and ends by `key_hash` of their `_id`s; who is not known is left out."""
        ...

    def entities(self, columns: Collection[str]) -> str:
        """Give a SELECT of all entities: id, sort, deleted and these property columns, in the order of
        ids."""
        ...

    def relationships(self, links: Collection[Link] | None) -> str:
        """Give a SELECT of the fixed columns of `relationship` and all its property columns, from the groups
        that hold one of these links, each group whole (None: from all).

        The group of ends that are not there (`EdgeGroup.links` None) holds every link from or to UNSEEN.
        """
        ...

    def searched(self) -> str:
        """Give a SELECT of text and ids."""
        ...

    def documents(self, ids: Sequence[int]) -> Mapping[int, str]:
        """Give the documents of these entities; who is not in the base is left out."""
        ...
