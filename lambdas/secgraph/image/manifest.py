"""The manifest: the one object of the image that changes in place. In: JSON. Out: frozen values, and back.

    Manifest ─opened, folded, compacted, rebuilding, swept→ Manifest

Every change makes a new manifest of an old one, pure; who stores it does so only if nobody else did
meanwhile, and else begins again from what is there.

The rows of the open deltas, in their order, are all rows that were ever opened over the base, in the order in
which they came: folding puts several neighbours in one file, and neither drops nor moves a row. So the ids
that readers give (image/base.py) do not depend on when they looked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, Self

from secgraph.errors import ObjectDamaged, StoreError

FORMAT: Final = 1
OPEN_AT_MOST: Final = 64
"""Delta files that are open at a time: each is one request more for a reader that starts."""


@dataclass(frozen=True, slots=True)
class FileRef:
    """An object that is written once: its size in bytes and the SHA-256 of its bytes, in hex."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, name: str, body: bytes) -> Self:
        """Name an object that is about to be written."""
        return cls(name, len(body), sha256(body).hexdigest())

    def checked(self, body: bytes) -> bytes:
        """Give back what was read of the object. Raises ObjectDamaged if it is not what was written."""
        if sha256(body).hexdigest() != self.sha256:
            raise ObjectDamaged(f"{self.name}: {len(body)} bytes that are not the {self.size} once written")
        return body


@dataclass(frozen=True, slots=True)
class Delta:
    """A delta file: how many rows it has, and when (epoch ms) the last of its changes was made."""

    file: FileRef
    rows: int
    until: int


@dataclass(frozen=True, slots=True)
class Stand:
    """What can be read: a base (None before the first compaction) and the deltas that lie over it."""

    base: FileRef | None
    deltas: tuple[Delta, ...]


@dataclass(frozen=True, slots=True)
class Retired:
    """An object that nothing names any more, and since when (epoch ms)."""

    name: str
    since: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A rebuild that runs: its id, in how many segments it reads the table, since when (epoch ms), and which
    stream of the table brings what changes from then on (empty: none does)."""

    id: str
    segments: int
    started_on: int
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`version` counts the manifests. `previous` is the base before this one with the deltas that went into
    this one: with those that came since it says the same as the current stand. `until` (epoch ms) is when the
    newest change was made that the image holds. Of the base: `generation` counts the bases (0: there is
    none), `rows` its entities, `based_on` (epoch ms) is when it was published. `stream` names the stream of
    the table that the image has followed since it was last made of the table alone."""

    version: int
    published_on: int
    stand: Stand
    previous: Stand | None
    retired: tuple[Retired, ...]
    until: int
    generation: int = 0
    rows: int = 0
    based_on: int = 0
    rebuild: Rebuild | None = None
    stream: str = ""

    def names(self) -> set[str]:
        """Give every object that it names; those of the bases stand in their descriptions."""
        stands = [stand for stand in (self.stand, self.previous) if stand]
        bases = {stand.base.name for stand in stands if stand.base}
        deltas = {delta.file.name for stand in stands for delta in stand.deltas}
        return bases | deltas | {it.name for it in self.retired}


EMPTY: Final = Manifest(0, 0, Stand(None, ()), None, (), 0)
"""What stands for the manifest before there is one."""


# ── changes ───────────────────────────────────────────────────────────────────────────────────────────


def opened(manifest: Manifest, delta: Delta, now: int) -> Manifest:
    """Lay one more delta over all others."""
    return folded(manifest, (), delta, now)


def folded(manifest: Manifest, last: Sequence[Delta], delta: Delta, now: int) -> Manifest:
    """Put a delta in the place of the last ones, whose rows it begins with."""
    held = manifest.stand.deltas
    kept = held[: len(held) - len(last)]
    if (*kept, *last) != held:
        raise ValueError(f"{len(last)} deltas to be folded are not the last of the manifest")
    if len(kept) >= OPEN_AT_MOST:
        raise ValueError(f"more than {OPEN_AT_MOST} deltas would be open")
    return replace(
        manifest,
        version=manifest.version + 1,
        published_on=now,
        stand=Stand(manifest.stand.base, (*kept, delta)),
        retired=_retired(manifest.retired, [it.file.name for it in last], now),
        until=max(manifest.until, delta.until),
    )


def compacted(
    manifest: Manifest,
    base: FileRef,
    consumed: Collection[Delta],
    *,
    before: Stand | None,
    generation: int,
    rows: int,
    retired: Iterable[str],
    now: int,
) -> Manifest:
    """Put a new base in the place of the current one and of the deltas that went into it.

    `before` is what it was made of; None if it was made of the table: then nothing that was is trusted, and
    the rebuild has ended. `retired` are files of bases that nothing needs any more. Of the deltas, some may
    have been folded meanwhile, with newer ones; they stay open so: over the new base their older rows change
    nothing.
    """
    held, names = manifest.stand.deltas, {delta.file.name for delta in consumed}
    after = replace(
        manifest,
        version=manifest.version + 1,
        published_on=now,
        stand=Stand(base, tuple(delta for delta in held if delta.file.name not in names)),
        previous=before and _still_there(before, manifest),
        generation=generation,
        rows=rows,
        based_on=now,
        rebuild=manifest.rebuild if before else None,
        stream=manifest.rebuild.stream if manifest.rebuild and not before else manifest.stream,
    )
    unnamed = manifest.names() - after.names()
    return replace(after, retired=_retired(manifest.retired, sorted(unnamed | set(retired)), now))


def _still_there(stand: Stand, manifest: Manifest) -> Stand:
    """Leave out the deltas that were folded: what they say stands in open ones."""
    stands = [it for it in (manifest.stand, manifest.previous) if it]
    there = {delta.file.name for it in stands for delta in it.deltas}
    return Stand(stand.base, tuple(delta for delta in stand.deltas if delta.file.name in there))


def rebuilding(manifest: Manifest, rebuild: Rebuild, now: int) -> Manifest:
    """Claim the image for a rebuild."""
    return replace(manifest, version=manifest.version + 1, published_on=now, rebuild=rebuild)


def swept(manifest: Manifest, removed: Collection[str], now: int, *, is_abandoned: bool) -> Manifest:
    """Forget what was retired and is removed now, and a rebuild that was abandoned."""
    return replace(
        manifest,
        version=manifest.version + 1,
        published_on=now,
        retired=tuple(it for it in manifest.retired if it.name not in removed),
        rebuild=None if is_abandoned else manifest.rebuild,
    )


def _retired(held: tuple[Retired, ...], names: Iterable[str], now: int) -> tuple[Retired, ...]:
    known = {it.name for it in held}
    return (*held, *(Retired(name, now) for name in names if name not in known))


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────


def dump(manifest: Manifest) -> bytes:
    """Write a manifest. The same one always gives the same bytes."""
    held = {
        "format": FORMAT,
        "version": manifest.version,
        "publishedOn": manifest.published_on,
        "until": manifest.until,
        "generation": manifest.generation,
        "rows": manifest.rows,
        "basedOn": manifest.based_on,
        "stand": _stand(manifest.stand),
        "previous": manifest.previous and _stand(manifest.previous),
        "retired": [[it.since, it.name] for it in manifest.retired],
        "rebuild": manifest.rebuild
        and [
            *(manifest.rebuild.id, manifest.rebuild.segments),
            *(manifest.rebuild.started_on, manifest.rebuild.stream),
        ],
        "stream": manifest.stream,
    }
    return json.dumps(held, separators=(",", ":")).encode()


def load(body: bytes) -> Manifest:
    """Read what `dump` wrote. Raises StoreError for the format of a later version, ObjectDamaged for what is
    no manifest."""
    try:
        held: dict[str, Any] = json.loads(body)
        return _read(held) if held["format"] == FORMAT else _later(held["format"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ObjectDamaged(
            f"the manifest of the graph image cannot be read ({error!r}); make the image again with "
            "`secgraph image rebuild`"
        ) from error


def _later(format_: object) -> Manifest:
    raise StoreError(
        f"the graph image is in format {format_}; this version of secgraph reads format {FORMAT}: upgrade "
        "secgraph before using this image"
    )


def _read(held: dict[str, Any]) -> Manifest:
    previous, rebuild = held["previous"], held["rebuild"]
    return Manifest(
        version=held["version"],
        published_on=held["publishedOn"],
        stand=_read_stand(held["stand"]),
        previous=previous and _read_stand(previous),
        retired=tuple(Retired(name, since) for since, name in held["retired"]),
        until=held["until"],
        generation=held["generation"],
        rows=held["rows"],
        based_on=held["basedOn"],
        rebuild=rebuild and Rebuild(*rebuild),
        stream=held.get("stream", ""),
    )


def _stand(stand: Stand) -> dict[str, Any]:
    return {
        "base": stand.base and _ref(stand.base),
        "deltas": [[*_ref(it.file), it.rows, it.until] for it in stand.deltas],
    }


def _read_stand(held: dict[str, Any]) -> Stand:
    deltas = [Delta(FileRef(*file), rows, until) for *file, rows, until in held["deltas"]]
    return Stand(held["base"] and FileRef(*held["base"]), tuple(deltas))


def _ref(file: FileRef) -> list[Any]:
    return [file.name, file.size, file.sha256]
