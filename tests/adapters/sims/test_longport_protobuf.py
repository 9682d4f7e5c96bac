from dataclasses import dataclass

import pytest

from adapters.sims.longport_protobuf import Malformed, decode, encode, numbered


@dataclass(frozen=True)
class Inner:
    text: str = ""


@dataclass(frozen=True)
class Outer:
    number: int = 0
    text: str = ""
    numbers: tuple[int, ...] = ()
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    yes: bool = False
    data: bytes = numbered(16, b"")


# The first two are the examples of the format's own description.
WRITTEN = [
    (Outer(number=150), "08 96 01"),
    (Outer(text="testing"), "12 07 74 65 73 74 69 6e 67"),
    (Outer(numbers=(3, 270, 86942)), "1a 06 03 8e 02 9e a7 05"),
    (Outer(number=-1), "08 ff ff ff ff ff ff ff ff ff 01"),
    (Outer(inner=Inner("a")), "22 03 0a 01 61"),
    (Outer(inner=Inner()), "22 00"),
    (Outer(inners=(Inner("a"), Inner())), "2a 03 0a 01 61 2a 00"),
    (Outer(yes=True), "30 01"),
    (Outer(data=b"\x01"), "82 01 01 01"),
    (Outer(), ""),
]


@pytest.mark.parametrize(("message", "written"), WRITTEN)
def test_a_message_is_written_as_the_format_says_and_read_again(message, written):
    assert encode(message) == bytes.fromhex(written)
    assert decode(Outer, encode(message)) == message


def test_unknown_fields_are_passed_over():
    unknown = bytes.fromhex("98 06 01 a2 06 01 61 a5 06 00000000 a1 06 0000000000000000")

    assert decode(Outer, unknown + encode(Outer(text="x"))) == Outer(text="x")


def test_of_a_field_that_comes_twice_the_last_holds_and_lists_grow():
    twice = encode(Outer(number=1, numbers=(1,))) + encode(Outer(number=2, numbers=(2,)))

    assert decode(Outer, twice) == Outer(number=2, numbers=(1, 2))


def test_numbers_that_are_not_packed_are_read_as_well():
    assert decode(Outer, bytes.fromhex("18 03 18 04")).numbers == (3, 4)


MALFORMED = [
    ("08", "number without end"),
    ("08 ff ff ff ff ff ff ff ff ff ff 01", "number without end"),
    ("12 05 61", "longer than its message"),
    ("10 01", "a number in place of str"),
    ("12 01 ff", "no UTF-8"),
    ("0b", "wire type 3"),
]


@pytest.mark.parametrize(("data", "remark"), MALFORMED)
def test_what_is_no_message_is_malformed(data, remark):
    with pytest.raises(Malformed, match=remark):
        decode(Outer, bytes.fromhex(data))
