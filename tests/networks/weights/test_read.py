"""Reading weights: what is kept, what is refused, and that a file's code never runs."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from zoomdream.errors import InputError
from zoomdream.networks.weights import read
from zoomdream.networks.weights.read import read_tensors

PLAIN = {"first.weight": torch.arange(6.0).view(2, 3), "first.bias": torch.tensor([0.5, -1.5])}


def modern(content: object, path: Path) -> None:
    torch.save(content, path)


def legacy(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def safe(content: dict[str, Tensor], path: Path) -> None:
    safetensors.torch.save_file(content, path)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.path),)


def refusal(path: Path, **options: int) -> str:
    """The message, which is one paragraph and names the file."""
    with pytest.raises(InputError) as caught:
        read_tensors(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("save", [modern, legacy, safe])
def test_a_file_is_known_by_its_content_not_its_name(tmp_path: Path, save: Callable[..., None]) -> None:
    for name in ("weights.pth", "weights.safetensors", "weights"):
        save(PLAIN, tmp_path / name)
        found = read_tensors(tmp_path / name)
        assert found.keys() == PLAIN.keys()
        assert all(torch.equal(found[key], PLAIN[key]) for key in PLAIN)


@pytest.mark.parametrize("save", [modern, safe])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_float_becomes_float32(tmp_path: Path, save: Callable[..., None], dtype: torch.dtype) -> None:
    save({"a": PLAIN["first.weight"].to(dtype)}, tmp_path / "weights")
    found = read_tensors(tmp_path / "weights")["a"]
    assert found.dtype == torch.float32
    assert torch.equal(found, PLAIN["first.weight"])


@pytest.mark.parametrize("save", [modern, safe])
def test_tensors_outlive_their_file(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "weights"
    save(PLAIN, path)
    found = read_tensors(path)
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(found["first.weight"], PLAIN["first.weight"])


def test_a_checkpoint_is_unwrapped_and_its_counters_left_out(tmp_path: Path) -> None:
    content = {"epoch": 3, "state_dict": {**PLAIN, "norm.num_batches_tracked": torch.tensor(7)}}
    modern(content, tmp_path / "weights.pth")
    assert read_tensors(tmp_path / "weights.pth").keys() == PLAIN.keys()


@pytest.mark.parametrize("protocol", [2, 4])
def test_pickled_code_is_refused_and_never_runs(tmp_path: Path, protocol: int) -> None:
    trapped = {**PLAIN, "trap": Trap(tmp_path / "sprung")}
    torch.save(trapped, tmp_path / "modern", pickle_protocol=protocol)
    torch.save(trapped, tmp_path / "legacy", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    (tmp_path / "plain").write_bytes(pickle.dumps(trapped["trap"], protocol=protocol))
    for name in ("modern", "legacy", "plain"):
        assert "contains pickled code" in refusal(tmp_path / name)
    assert not (tmp_path / "sprung").exists()
    pickle.loads((tmp_path / "plain").read_bytes())
    assert (tmp_path / "sprung").exists(), "the trap itself is broken"


def test_a_whole_pickled_model_is_refused_as_code(tmp_path: Path) -> None:
    modern(torch.nn.Linear(2, 2), tmp_path / "weights.pth")
    assert "contains pickled code" in refusal(tmp_path / "weights.pth")


@pytest.mark.parametrize("save", [modern, legacy, safe])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "weights"
    save({"a": torch.ones(5000)}, path)
    whole = path.read_bytes()
    for share in (0.01, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        refusal(path)
    path.write_bytes(b"")
    assert "empty" in refusal(path)


def test_one_wrong_byte_among_the_numbers_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    modern({"a": torch.ones(5000)}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"hello, I am a text file\n" * 50, "text file"),
        ("größe: 3 µm\n".encode() * 100, "text file"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 28031561\n", "Git LFS"),
        (bytes(range(256)) * 4, "none of the formats"),
        (b"\x80" + bytes(range(1, 200)), "damaged"),
        (b"\xff" * 8 + b"{}", "damaged"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "weights.pth").write_bytes(content)
    assert expected in refusal(tmp_path / "weights.pth")


def test_missing_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.pth")
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_size_is_bounded_on_disk_and_in_memory(tmp_path: Path) -> None:
    modern(PLAIN, tmp_path / "large.pth")
    assert "at most 100 bytes" in refusal(tmp_path / "large.pth", max_bytes=100)
    # A few bytes on disk, four terabytes in memory.
    modern({"a": torch.zeros(1).expand(10**6, 10**6)}, tmp_path / "endless.pth")
    assert "4,000,000 MB" in refusal(tmp_path / "endless.pth")


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    modern({"a": torch.zeros(10**5)}, tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(tmp_path / "packed.pth", "w") as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name), zipfile.ZIP_DEFLATED)
    assert "not one that torch.save wrote" in refusal(tmp_path / "packed.pth")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("folder/readme.txt", "hello")
    assert "not one that torch.save wrote" in refusal(tmp_path / "other.zip")


@pytest.mark.parametrize("flag", [0x01, 0x20], ids=["encrypted", "patched"])
def test_an_archive_that_cannot_be_unpacked_says_so(tmp_path: Path, flag: int) -> None:
    modern({"a": torch.zeros(3)}, tmp_path / "odd.pth")
    content = bytearray((tmp_path / "odd.pth").read_bytes())
    for begin, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # an entry, and the list of them
        content[content.index(begin) + place] |= flag
    (tmp_path / "odd.pth").write_bytes(content)
    assert "odd.pth is cut short or damaged" in refusal(tmp_path / "odd.pth")


@pytest.mark.parametrize("save", [modern, safe])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.tensor([1, 2]), "int64"),
        (torch.tensor([True]), "bool"),
        (torch.tensor([1.0, torch.nan]), "NaN or infinite"),
        (torch.tensor([-torch.inf]), "NaN or infinite"),
    ],
)
def test_values_that_are_no_plain_numbers_name_their_tensor(
    tmp_path: Path, save: Callable[..., None], value: Tensor, expected: str
) -> None:
    save({**PLAIN, "odd.one": value}, tmp_path / "weights")
    message = refusal(tmp_path / "weights")
    assert expected in message
    assert "'odd.one'" in message


@pytest.mark.parametrize("content", [[1.0, 2.0], {"a": 3}, {}, torch.zeros(3), {"a": {"b": torch.zeros(2)}}])
def test_content_that_is_not_tensors_by_name_is_refused(tmp_path: Path, content: object) -> None:
    modern(content, tmp_path / "weights.pth")
    assert "tensor" in refusal(tmp_path / "weights.pth")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    modern(PLAIN, tmp_path / "weights.pth")
    (tmp_path / "weights.pth").chmod(0)
    assert "cannot be read" in refusal(tmp_path / "weights.pth")


def empty(count: int) -> dict[str, Tensor]:
    return {f"t{number}": torch.zeros(0) for number in range(count)}


@pytest.mark.parametrize("save", [modern, legacy, safe])
def test_the_number_of_tensors_is_bounded_before_any_is_made(
    tmp_path: Path, save: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """300,000 empty ones took a minute."""
    monkeypatch.setattr(read, "_MOST_TENSORS", 20)
    save(empty(20), tmp_path / "few")
    assert len(read_tensors(tmp_path / "few")) == 20
    save(empty(110), tmp_path / "many")
    monkeypatch.setattr(torch, "load", None)
    monkeypatch.setattr(safetensors.torch, "load_file", None)
    assert "more than 20 tensors" in refusal(tmp_path / "many")


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (torch.zeros(3, device="meta"), "a meta tensor"),
        (torch.zeros([1] * 5000), "5000 dimensions"),
        (torch.zeros(1).as_strided((2**40,), (0,)), "would take"),
    ],
)
def test_impossible_tensors_are_refused(tmp_path: Path, tensor: Tensor, expected: str) -> None:
    torch.save({"w": tensor}, tmp_path / "a.pth")
    assert expected in refusal(tmp_path / "a.pth")


def test_an_archive_with_damaged_sizes_is_damaged(tmp_path: Path) -> None:
    modern({"w": torch.rand(300)}, tmp_path / "a.pth")
    whole = (tmp_path / "a.pth").read_bytes()
    at = whole.rindex(b"PK\x01\x02")
    for offset in range(16, 46):  # of the last entry in the archive's list
        for byte in (0x00, 0x7F, 0xFF):
            changed = bytearray(whole)
            changed[at + offset] = byte
            (tmp_path / "b.pth").write_bytes(changed)
            try:
                read_tensors(tmp_path / "b.pth")
            except InputError:
                continue


def test_a_header_of_nested_brackets_is_damaged(tmp_path: Path) -> None:
    header = b'{"a":' + b"[" * 100_000
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert "damaged" in refusal(tmp_path / "a.safetensors")
