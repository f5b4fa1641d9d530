"""Where the image is kept: a folder and S3 do the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from secgraph.adapters.image import s3_store
from secgraph.adapters.image.folder_store import FolderStore
from secgraph.adapters.image.s3_store import S3Store
from secgraph.errors import ObjectDamaged, ObjectMissing, StoreError, StoreUnavailable
from secgraph.image.ports import ObjectStore
from tests import aws_account

BUCKET = "images"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "graph.image")
        return
    with aws_account.account():
        yield S3Store(bucket(), BUCKET, "image/")


def bucket() -> Any:
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


def test_objects_are_written_read_listed_and_removed(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = s3_store.PART_BYTES // 3
    monkeypatch.setattr(s3_store, "PART_BYTES", size - 2)
    assert store.names("") == []
    store.put("deltas/a", b"0123456789")
    large = tmp_path / "large"
    large.write_bytes(b"x" * size)
    store.put_file("bases/1/b", str(large))
    store.swap(b"{}", None)
    assert store.get("deltas/a") == b"0123456789"
    assert store.get_ranges("deltas/a", [(7, 3), (0, 2), (4, 0), (1, 9)]) == [
        b"789",
        b"01",
        b"",
        b"123456789",
    ]
    assert store.get_ranges("bases/1/b", [(size - 3, 3)]) == [b"xxx"]
    assert store.get_ranges("deltas/a", []) == []
    assert store.names("") == ["bases/1/b", "deltas/a"]
    assert store.names("bases/1") == ["bases/1/b"]
    assert store.sizes("bases/1") == {"bases/1/b": size}
    assert store.sizes("") == {"bases/1/b": size, "deltas/a": 10}
    store.delete(["bases/1/b", "never/there"])
    store.delete([])
    assert store.names("") == ["deltas/a"]


def test_what_is_not_there_or_too_short_is_told(store: ObjectStore) -> None:
    store.put("a/b", b"0123")
    for name in ("a/c", "a", "a/b/c"):
        with pytest.raises(ObjectMissing, match=f"{name}: is not there"):
            store.get(name)
        with pytest.raises(ObjectMissing):
            store.get_ranges(name, [(0, 1), (1, 1)])
    for ranges in ([(2, 3)], [(0, 1), (9, 1)]):
        with pytest.raises(ObjectDamaged, match="a/b: ends at"):
            store.get_ranges("a/b", ranges)


def test_the_pointer_changes_for_one_at_a_time(store: ObjectStore) -> None:
    assert store.pointer() is None
    assert store.pointer_unless("none") is None
    assert store.swap(b"0", "never") is None
    first = store.swap(b"1", None)
    assert first is not None
    assert store.swap(b"other", None) is None
    pointer = store.pointer()
    assert pointer is not None
    assert (pointer.body, pointer.tag) == (b"1", first)
    assert store.pointer_unless(first) is None
    second = store.swap(b"2", first)
    assert second is not None
    assert store.swap(b"other", first) is None
    assert store.pointer_unless(first) == store.pointer()
    assert store.pointer_unless(second) is None


# ── the folder ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a//b", "a/../../b", "", "a\0b", "a\\b", "."])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    store = FolderStore(tmp_path)
    with pytest.raises(StoreError, match="names no object"):
        store.put(name, b"")
    with pytest.raises(StoreError, match="names no object"):
        store.get(name)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "image")
    store.put("a", b"old")
    with pytest.raises(FileNotFoundError):
        store.put_file("a", str(tmp_path / "nowhere"))
    (tmp_path / "image" / "b").write_bytes(b"a file where a folder should be")
    with pytest.raises(StoreUnavailable, match=r"b/c: "):
        store.put("b/c", b"new")
    assert store.get("a") == b"old"
    assert store.names("") == ["a", "b"]
    assert [path.name for path in (tmp_path / "image").rglob(".unfinished*")] == []


def test_what_a_process_that_died_left_unfinished_goes_when_it_is_old(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("bases/1/a", b"")
    left = [
        tmp_path / "bases/1/.unfinished-a",
        tmp_path / "deltas/.unfinished-b",
        tmp_path / "bases/2/.unfinished-c",
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    for path in left[1:]:
        os.utime(path, (0, 0))
    store.delete([])
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".unfinished-a", "a"]
    assert not (tmp_path / "bases/2").exists()


def test_who_may_read_an_object_is_for_the_umask_to_say(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        FolderStore(tmp_path).put("deltas/a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "deltas/a").stat().st_mode & 0o777 == 0o640


def test_the_pointer_of_a_folder_counts_up_for_all_at_once(tmp_path: Path) -> None:
    """Each takes the lock by itself, as processes do."""
    counters, rounds = 4, 10

    def count_up(_: int) -> None:
        store, done = FolderStore(tmp_path), 0
        while done < rounds:
            pointer = store.pointer()
            reached = int(pointer.body) if pointer else 0
            done += store.swap(str(reached + 1).encode(), pointer.tag if pointer else None) is not None

    with ThreadPoolExecutor(counters) as pool:
        list(pool.map(count_up, range(counters)))
    pointer = FolderStore(tmp_path).pointer()
    assert pointer is not None
    assert pointer.body == str(counters * rounds).encode()


# ── S3 ────────────────────────────────────────────────────────────────────────────────────────────────


def stubbed() -> tuple[Any, Any]:
    import boto3
    from botocore.config import Config
    from botocore.stub import Stubber

    client = boto3.client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
        config=Config(retries={"total_max_attempts": 1}),
    )
    stub = Stubber(client)
    stub.activate()
    return S3Store(client, BUCKET, "image/"), stub


@pytest.mark.parametrize(
    ("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("NoSuchKey", 404)]
)
def test_every_way_of_coming_second_is_a_lost_swap(code: str, status: int) -> None:
    store, stub = stubbed()
    stub.add_client_error("put_object", code, http_status_code=status)
    assert store.swap(b"", '"tag"') is None


@pytest.mark.parametrize("code", ["SlowDown", "AccessDenied", "InternalError", "NoSuchBucket"])
def test_what_s3_refuses_is_told_with_the_object(code: str) -> None:
    store, stub = stubbed()
    for method, call in [
        ("put_object", lambda: store.swap(b"", None)),
        ("put_object", lambda: store.put("deltas/a", b"")),
        ("get_object", lambda: store.get("deltas/a")),
        ("get_object", store.pointer),
        ("get_object", lambda: store.pointer_unless("x")),
        ("get_object", lambda: store.get_ranges("deltas/a", [(0, 1)])),
        ("delete_objects", lambda: store.delete(["deltas/a"])),
        ("list_objects_v2", lambda: store.names("deltas/")),
        ("list_objects_v2", lambda: store.sizes("bases/")),
    ]:
        stub.add_client_error(method, code, "for a reason", 400)
        with pytest.raises(StoreUnavailable, match=rf"s3://images/image/.*{code}.*for a reason"):
            call()


def test_an_object_that_cannot_be_removed_is_told() -> None:
    store, stub = stubbed()
    stub.add_response(
        "delete_objects", {"Errors": [{"Key": "image/a", "Code": "AccessDenied", "Message": "no"}]}
    )
    with pytest.raises(StoreUnavailable, match=r"1 of 2 objects .* image/a: AccessDenied: no"):
        store.delete(["a", "b"])


def test_bytes_that_stop_coming_are_asked_for_again() -> None:
    from botocore.response import StreamingBody

    store, stub = stubbed()

    def answer(body: bytes) -> None:
        stub.add_response("get_object", {"Body": StreamingBody(BytesIO(body), 4), "ETag": "e"})

    answer(b"ab")
    answer(b"abcd")
    assert store.get("deltas/a") == b"abcd"
    for _ in range(3):
        answer(b"ab")
    with pytest.raises(StoreUnavailable, match="deltas/a"):
        store.get("deltas/a")
