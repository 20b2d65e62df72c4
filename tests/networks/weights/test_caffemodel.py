"""Reading .caffemodel files: both forms of layers, and what damaged and malicious ones come to."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from zoomdream.errors import InputError
from zoomdream.networks.weights import caffemodel
from zoomdream.networks.weights.read import read_tensors

LAYERS = {
    "conv1/7x7_s2": (torch.arange(24.0).view(2, 3, 2, 2), torch.tensor([0.5, -1.5])),
    "loss3/classifier": (torch.arange(6.0).view(2, 3) / 7, torch.tensor([1.0, 2.0])),
}


def packed(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def blob(data: bytes, edges: bytes = bytes([1])) -> bytes:
    """A file of one layer `a` with one blob."""
    inner = data + packed(7, packed(1, edges))
    return packed(1, b"net") + packed(2, packed(4, b"a") + packed(6, inner))


def old_blob(data: bytes, *edges: int) -> bytes:
    """As `blob`, its edges in the old form; a negative number has ten bytes."""
    sides = b"".join(
        bytes([number << 3]) + (b"\xff" * 9 + b"\x01" if edge < 0 else bytes([edge]))
        for number, edge in enumerate(edges, start=1)
    )
    return packed(1, b"net") + packed(2, packed(4, b"a") + packed(6, sides + packed(5, data)))


@pytest.mark.parametrize("v1", [True, False])
def test_both_forms_of_layers_give_the_numbers_that_were_written(
    tmp_path: Path, write_caffemodel: Callable[..., None], v1: bool
) -> None:
    path = tmp_path / "any.name"
    write_caffemodel(path, LAYERS, v1)
    found = read_tensors(path)
    expected = {f"{name}.{kind}": pair[i] for name, pair in LAYERS.items() for i, kind in enumerate(("weight", "bias"))}
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        old = (1,) * (4 - tensor.ndim) + tuple(tensor.shape)
        assert tuple(found[name].shape) == (old if v1 else tuple(tensor.shape))
        assert torch.equal(found[name].flatten(), tensor.flatten())


def test_numbers_may_come_in_runs_one_by_one_and_as_doubles() -> None:
    one, two = struct.pack("<f", 1.5), struct.pack("<f", -2.0)
    single = bytes([5 << 3 | 5]) + one + bytes([5 << 3 | 5]) + two
    for data in (packed(5, one + two), packed(5, one) + packed(5, two), single):
        assert caffemodel.parse(blob(data, bytes([2])))["a.weight"].tolist() == [1.5, -2.0]
    doubles = caffemodel.parse(blob(packed(8, struct.pack("<dd", 0.1, 3.0)), bytes([2])))["a.weight"]
    assert doubles.dtype == torch.float64
    assert doubles.tolist() == [0.1, 3.0]


def test_fields_that_nobody_asked_for_are_passed_over() -> None:
    extra = bytes([20 << 3 & 0x7F | 0x80, 1, 5]) + packed(9, b"future") + bytes([11 << 3 | 1]) + bytes(8)
    content = blob(packed(5, struct.pack("<f", 4.0)))
    assert caffemodel.parse(content + extra)["a.weight"].tolist() == [4.0]


@pytest.mark.parametrize("v1", [True, False])
def test_a_file_cut_short_inside_a_layer_is_refused(
    tmp_path: Path, write_caffemodel: Callable[..., None], v1: bool
) -> None:
    path = tmp_path / "weights.caffemodel"
    write_caffemodel(path, {"conv": (torch.ones(50, 100),)}, v1)
    whole = path.read_bytes()
    for share in (0.01, 0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"cut short or damaged|holds no tensors"):
            read_tensors(path)


def test_any_single_wrong_byte_is_refused_or_read_but_never_a_crash(
    tmp_path: Path, write_caffemodel: Callable[..., None]
) -> None:
    path = tmp_path / "weights.caffemodel"
    write_caffemodel(path, LAYERS, v1=True)
    whole = path.read_bytes()
    for at in range(len(whole)):
        for byte in (0x00, 0x7F, 0xFF, whole[at] ^ 1):
            with suppress(ValueError):
                caffemodel.parse(whole[:at] + bytes([byte]) + whole[at + 1 :])


HUGE = b"\xff\xff\xff\xff\xff\xff\xff\x7f"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (blob(packed(5, bytes(4)), bytes([100])), "says that it is 100 and holds 1 numbers"),
        (blob(packed(5, bytes(4)), HUGE), "holds 1 numbers"),
        (blob(packed(5, bytes(4)), b"\x80\x80\x80\x80\x10" * 2), "holds 1 numbers"),  # 2**32 squared wraps to 0
        (blob(packed(5, bytes(4)), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" * 2), "holds 1 numbers"),  # -1 * -1
        (old_blob(bytes(4), -1, -1, 1, 1), "holds 1 numbers"),
        (blob(packed(5, bytes(3))), "holds 0 numbers"),
        (blob(b"", bytes([0])), "holds 0 numbers"),
        (blob(packed(5, bytes(4)), bytes([1]) * 50), "more dimensions"),
        (blob(packed(5, bytes(4)), b"\x81"), "cut off"),
        (blob(bytes([5 << 3, 1])), "not stored as numbers"),
        (blob(packed(5, struct.pack("<f", 1.0))) * 2, "two layers are called 'a'"),
        (packed(1, b"net") + packed(2, packed(1, b"")), "oldest form"),
        (packed(1, b"net") + packed(2, packed(4, b"a") + bytes([6 << 3, 1])), "another type"),
        (packed(1, b"net") + bytes([2 << 3 | 2, 200, 1]) + b"short", "beyond the end"),
        (packed(1, b"net") + packed(2, bytes([3 << 3 | 3])), "wire type 3"),
        (packed(1, b"net") + packed(2, bytes([2, 0])), "number 0"),
        (packed(1, b"net") + packed(2, bytes([8]) + b"\xff" * 20), "more than 10 bytes"),
        (blob(packed(5, struct.pack("<f", float("nan")))), "NaN or infinite"),
        (packed(1, b"net") + packed(2, packed(4, b"a")), "holds no tensors"),
    ],
)
def test_what_a_file_claims_is_checked_before_anything_is_made_of_it(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "weights.caffemodel"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(InputError, match=expected) as caught:
        read_tensors(path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_masses_of_tiny_parts_cost_no_masses_of_memory(tmp_path: Path) -> None:
    # Sixty thousand numbers one by one, more blobs than a layer has, more layers than a network has.
    single = (bytes([5 << 3 | 5]) + struct.pack("<f", 1.0)) * 60_000
    one = packed(6, packed(5, struct.pack("<f", 1.0)) + packed(7, packed(1, bytes([1]))))
    many = b"".join(packed(2, packed(4, str(number).encode()) + one) for number in range(10_001))
    blobs = packed(4, b"a") + one * 17
    length = bytes([len(blobs) & 0x7F | 0x80, len(blobs) >> 7])
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 16 blobs"):
        caffemodel.parse(bytes([2 << 3 | 2]) + length + blobs)
    inner = single + packed(7, packed(1, b"\xe0\xd4\x03"))
    head = b"\x12" + _varint(len(inner) + 7) + packed(4, b"a") + b"\x32"
    assert caffemodel.parse(head + _varint(len(inner)) + inner)["a.weight"].shape == (60_000,)
    assert tracemalloc.get_traced_memory()[1] < 3 * 10**6
    tracemalloc.stop()
    with pytest.raises(ValueError, match="more than 10,000 blobs"):
        caffemodel.parse(many)


def _varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14])


def test_only_caffes_files_are_taken_for_them(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\nA text that begins with an empty line, as many do.\n" * 20)
    with pytest.raises(InputError, match="text file"):
        read_tensors(tmp_path / "text")


@pytest.mark.parametrize("content", [packed(2, b""), packed(2, packed(5, b"") * 40)])
def test_empty_layers_and_fields_without_end_are_refused(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """2,000,000 empty layers took a minute."""
    monkeypatch.setattr(caffemodel, "_MOST_FIELDS", 30)
    with pytest.raises(ValueError, match="more than 30"):
        caffemodel.parse(content * 31)
