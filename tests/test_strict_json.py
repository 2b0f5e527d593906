import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskward.strict_json import MAX_CONTAINERS, MAX_DEPTH, MalformedJsonError, decode

texts = st.text(st.characters(codec="utf-8"))
finite = st.floats(allow_nan=False, allow_infinity=False)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | finite | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(documents, st.booleans())
def test_what_json_writes_is_read_back(value: Any, ascii_only: bool) -> None:
    assert decode(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


GOOD: list[tuple[bytes, Any]] = [
    (b" {} ", {}), (b'"x"', "x"), (b"null", None), (b"1", 1), (b"-0.5e1", -5.0), (b"[true,false]", [True, False]),
    (b'"\\ud83c\\udf88"', "🎈"), (b'"\\u0000"', "\0"), (b"1e308", 1e308), (b"1e-999", 0.0),
    (b'{"":{"":1}}', {"": {"": 1}}),
    (b"1234567890123456789012345", 1234567890123456789012345),
]  # fmt: skip


@pytest.mark.parametrize(("data", "value"), GOOD)
def test_json_is_read(data: bytes, value: Any) -> None:
    found = decode(data)
    assert found == value
    assert type(found) is type(value)


OTHER_GRAMMARS = [
    b"", b" ", b"{", b"[1,]", b'{"a":1,}', b"{'a':1}", b"{a:1}", b"//x\n1", b"1 2", b"01", b"+1", b".5", b"1.",
    b"0x1", b"tru", b"nul\0", b'"\t"', b'"\\x41"', b"undefined", b"\xc2\xa01",
]  # fmt: skip


@pytest.mark.parametrize("data", OTHER_GRAMMARS)
def test_other_grammars_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        decode(data)


NOT_FINITE = [b"NaN", b"-NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 400, b"9" * 5000]


@pytest.mark.parametrize("number", NOT_FINITE)
@pytest.mark.parametrize("document", [b"%s", b"[%s]", b'{"a":%s}'])
def test_a_number_is_finite(number: bytes, document: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        decode(document % number)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1"])
def test_the_encoding_is_utf_8_without_a_mark(encoding: str) -> None:
    with pytest.raises(MalformedJsonError):
        decode('{"title": "é"}'.encode(encoding))


@pytest.mark.parametrize(
    "data", [b"\xff", b"\xc3", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"\xed\xb0\x80"]
)
def test_text_is_valid_utf_8(data: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        decode(b'"' + data + b'"')


@pytest.mark.parametrize(
    "text", [b"\\ud800", b"\\udc00", b"\\udc00\\ud800", b"\\ud800x", b"\\ud800\\ud800", b"x\\uDFFF"]
)
@pytest.mark.parametrize("document", [b'"%s"', b'["%s"]', b'{"%s":1}', b'{"a":"%s"}'])
def test_a_lone_surrogate_is_refused(text: bytes, document: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        decode(document % text)


REPEATS = [
    b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}', b'{"a":1,"\\u0061":1}', b'[{"":1,"":1}]', b'{"x":{"a":1,"a":1}}',
    b'{"a":{"a":1},"a":1}',
]  # fmt: skip


@pytest.mark.parametrize("data", REPEATS)
def test_a_name_occurs_once_in_one_object(data: bytes) -> None:
    with pytest.raises(MalformedJsonError, match="twice"):
        decode(data)


def test_a_name_may_occur_in_several_objects_and_in_another_normal_form() -> None:
    assert decode('[{"a":1},{"a":{"a":1}},{"é":1,"e\u0301":2,"A":1,"a":2}]'.encode())


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_32_levels_are_read_and_33_are_not(opening: bytes, closing: bytes) -> None:
    assert MAX_DEPTH == 32
    decode(opening * 31 + b"[]" + closing * 31)
    decode(b"[" + b'["[[[[["],' * 40 + b"1]")
    for levels in (33, 1000, 10_000, 30_000):
        with pytest.raises(MalformedJsonError, match=r"deeper|depth"):
            decode(opening * (levels - 1) + b"[]" + closing * (levels - 1))
        with pytest.raises(MalformedJsonError):
            decode(opening * levels)


@given(st.binary(max_size=200) | st.text('{}[]",:0123456789.eE+-\\utrfalsn ', max_size=200).map(str.encode))
def test_bytes_are_json_or_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except MalformedJsonError:
        return
    assert json.loads(data) == value
    assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("one", [b"{}", b"[]", b'{"a":1}', b"[1]"])
def test_objects_and_lists_are_counted(one: bytes) -> None:
    decode(b"[" + b",".join([one] * (MAX_CONTAINERS - 1)) + b"]")
    with pytest.raises(MalformedJsonError, match="more than 1,000 objects and lists"):
        decode(b"[" + b",".join([one] * MAX_CONTAINERS) + b"]")


def test_objects_that_a_repeated_name_would_hide_are_counted() -> None:
    with pytest.raises(MalformedJsonError, match="more than 1,000"):
        decode(b'{"a":[' + b",".join([b"{}"] * (MAX_CONTAINERS + 1)) + b'],"a":1}')
