"""Files: how they are written, what is wrong with them, and their records."""

import gzip
import io
import random
import zipfile

import pytest

from app.core.errors import Invalid
from app.domain.transfer import dialects, reading
from app.domain.transfer.reading import Records


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


BAD = {
    "nothing": (b"", "empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "empty"),
    "only empty lines": (b"\r\n\r\n\n", "empty"),
    "an Excel file": (zipped(), "Excel"),
    "an old Excel file": (b"\xd0\xcf\x11\xe0" + bytes(600), "old Excel"),
    "a compressed file": (gzip.compress(b"id\n1\n"), "compressed"),
    "a PDF": (b"%PDF-1.7\n1 0 obj", "PDF"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
    "noise": (random.Random(7).randbytes(5000), "not a text file"),
    "a NUL in the head": (b"id,name\n1,a\x00b\n", "not a text file"),
    "a NUL far down": (b"id,name\n" + b"1,abc\n" * 300_000 + b"2,a\x00b\n", "NUL"),
    "letters of no alphabet": (b"id,name\n1,\xe9\xd9\xda\xdb\xff\x81\x8d\n", "cannot be read"),
    "half of UTF-16": ("id,name\n1,א\n".encode("utf-16")[:-1], "cannot be read"),
    "a header only": (b"id,name\n", "no rows"),
    "a header and empty lines": (b"id,name\n\n\n", "no rows"),
    "too many columns": (",".join(f"c{n}" for n in range(1001)).encode() + b"\n1\n", "more than 1000 columns"),
    "an endless line": (b"id,name\n1," + b"x" * (1 << 20) + b"\n", "longer than 1 MB"),
    "an endless first line": (b"x" * (3 << 20), "longer than 1 MB"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_its_reason(content: bytes, words: str) -> None:
    with pytest.raises(Invalid) as broke:
        looked_at(content)
    assert words in str(broke.value)
    assert broke.value.details[0].field == "file"


def looked_at(content: bytes) -> reading.Look:
    source = io.BytesIO(content)
    return reading.look(dialects.Utf8(source, dialects.dialect_of(source)).chunks())


ROWS = [["מזהה", "שם"], ["1", "דנה כהן"], ["2", "משה"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1255"])
def test_any_usual_way_of_writing_a_file_is_read(encoding: str, ends: str, delimiter: str) -> None:
    look = looked_at(ends.join(delimiter.join(row) for row in ROWS).encode(encoding))
    assert (look.delimiter, look.columns, look.rows) == (delimiter, ROWS[0], ROWS[1:])


def test_columns_get_names_of_their_own() -> None:
    assert reading.look(iter([b"id,,id,\n1,2,3,4\n"])).columns == ["id", "#2", "id (2)", "#4"]


def test_a_column_that_begins_empty_is_looked_at_further_down() -> None:
    body = b"1,\n" * 20_000 + b"2,7\n" * 200
    assert sum(row[1] == "7" for row in reading.look(iter([b"id,days\n" + body])).rows) >= 100


def everything(records: Records, most: int = 2) -> list[tuple[list[str], bool]]:
    taken = []
    while block := records.take(most):
        taken += [(record.fields, bool(record.problem)) for record in block]
    return taken


def test_bad_rows_never_lose_good_rows() -> None:
    body = b'1,a\n2\n3,b,c\n\n4,"d\n5,e\n6,"f ""g"" \nh"\n7,i\rj\n8,k\n'
    found = everything(Records(iter([body]), ",", width=2))
    good = [fields for fields, is_bad in found if not is_bad]
    assert good == [["1", "a"], ["2", ""], ["5", "e"], ["6", 'f "g" \nh'], ["8", "k"]]
    assert sum(is_bad for _, is_bad in found) == 3


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    "body", [b'1,"a\nb"\n2,c\n3,d\n4,"e"\n5,f', "1,א\n2,ב\n\n3,ג\n".encode(), b"1,a\r\n2,b\r\n3,c\r\n"]
)
def test_reading_goes_on_at_any_position(body: bytes, size: int) -> None:
    whole = everything(Records(iter([body]), ",", width=2))
    records = Records(iter([body]), ",", width=2)
    parts: list[tuple[list[str], bool]] = []
    while block := records.take(size):
        parts += [(record.fields, bool(record.problem)) for record in block]
        records = Records(iter([body[:4], body[4:]]), ",", width=2, position=records.position)
    assert parts == whole
