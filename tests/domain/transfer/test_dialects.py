"""The files that people really have: encodings, delimiters, empty cells, blank rows."""

import io

import pytest

from app.core.errors import Invalid
from app.domain.transfer import dialects, reading
from app.domain.transfer.reading import Record, Records
from tests import cpu


def written(content: bytes) -> tuple[str, bytes]:
    """The encoding found, and the file as it is kept."""
    source = io.BytesIO(content)
    dialect = dialects.dialect_of(source)
    return dialect.encoding, b"".join(dialects.Utf8(source, dialect).chunks())


def look(content: bytes, delimiter: str = "") -> reading.Look:
    return reading.look(iter([written(content)[1]]), delimiter)


def rows(content: bytes, delimiter: str = "") -> list[Record]:
    kept = written(content)[1]
    seen = reading.look(iter([kept]), delimiter)
    records = Records(iter([kept]), seen.delimiter, width=len(seen.columns), position=seen.start, row=seen.row)
    found: list[Record] = []
    while block := records.take(3):
        found += block
    return found


def fields(content: bytes, delimiter: str = "") -> list[list[str]]:
    return [record.fields for record in rows(content, delimiter) if not record.problem]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,name\n1,René\n2,Dana\n", "windows-1252"),
        ("id,name,city\n1,Zoë,Genève\n2,Åsa,Köln\n", "windows-1252"),
        ("id,name\n1,דנה\n2,Dana\n", "windows-1255"),
        ("id,name\n1,Dana\n2,Ron\n3,לוי\n", "windows-1255"),
        ("id,amount\n1,5 ₪\n", "windows-1255"),
        ("id,amount\n1,5 €\n", "windows-1252"),
        ("מספר,שם\n1,דנה\n", "cp862"),
    ],
)
def test_code_pages_are_told_apart_by_whole_words(text: str, encoding: str) -> None:
    assert written(text.encode(encoding)) == (encoding, text.encode())


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["without its mark", "with its mark"])
@pytest.mark.parametrize("bad", [b"Ren\xe9", "שרה".encode()[:-1]], ids=["a byte of another page", "cut in a letter"])
def test_a_bad_byte_costs_its_row_and_no_other(mark: bytes, bad: bytes) -> None:
    content = mark + "id,name\n1,דנה\n2,".encode() + bad + b"\n3,Ron\n"
    assert look(content).columns == ["id", "name"]
    assert fields(content) == [["1", "דנה"], ["3", "Ron"]]
    assert [record.row for record in rows(content) if record.problem] == [3]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("id;phone\nb5;05;\nb6;06;;\n", [["b5", "05"], ["b6", "06"]]),
        ("id;phone;\nb5;05;\n", [["b5", "05"]]),
        ("id;phone;city;note\n1;05;Haifa;x\n2;05\n3;05;Acre\n", [["1", "05", "Haifa", "x"], ["2", "05", "", ""], ["3", "05", "Acre", ""]]),
        ("id,phone\nW1,05\n,\n , \n\nW2,06\n", [["W1", "05"], ["W2", "06"]]),
        ('id,note,city\n1,"two\nlines"\n2,x,y\n', [["1", "two\nlines", ""], ["2", "x", "y"]]),
        ('id , "note" ,city\n1, "a, b" , c\n2,"d" ,e\n', [["1", "a, b", "c"], ["2", "d", "e"]]),
        ('\ufeffid,city\n1,a\n\ufeff"2","b"\n', [["1", "a"], ["2", "b"]]),
        ("id,name\n1,'@home\n2,'-500\n3,O'Brien\n4,'s Gravenhage\n", [["1", "@home"], ["2", "-500"], ["3", "O'Brien"], ["4", "'s Gravenhage"]]),
    ],
)  # fmt: skip
def test_what_spreadsheets_write_is_read(content: str, expected: list[list[str]]) -> None:
    assert fields(content.encode()) == expected


def test_rows_are_numbered_as_the_file_numbers_them() -> None:
    content = b'\nid,note\n\n1,a\n,\n2,"b\nc"\n\n3,d\n'
    assert [(record.row, record.fields[0]) for record in rows(content)] == [(4, "1"), (6, "2"), (8, "3")]


@pytest.mark.parametrize("first", ["sep=;\r\n", "\ufeffsep=;\r\n", '"sep=;"\r\n', "SEP=;\n"])
def test_a_first_line_may_name_the_delimiter(first: str) -> None:
    content = f"{first}id;city, street\r\nc1;Haifa, Hof\r\n".encode()
    seen = look(content)
    assert (seen.delimiter, seen.columns, seen.row) == (";", ["id", "city, street"], 1)
    assert fields(content) == [["c1", "Haifa, Hof"]]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("id;phone;name, surname\n6;05;Levi, Dana\n7;05;Cohen, Ron;\n", ";"),
        ("id;phone;name, surname\n6;05;Levi, Dana\n7;05;Cohen, Ron;x\n8;05;Katz, Gil\n", ";"),
        ("id\tamount\n1\t1,5\n2\t2,5\n", "\t"),
        ("id,note\n1,a;b;c\n2,d\n", ","),
    ],
)
def test_the_delimiter_is_guessed_from_the_columns_it_makes(content: str, delimiter: str) -> None:
    assert look(content.encode()).delimiter == delimiter


def test_a_delimiter_that_is_given_counts() -> None:
    assert look(b"a;b,c\n1;2,3\n", ";").columns == ["a", "b,c"]


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b",,,\n"])
def test_millions_of_blank_rows_are_refused_at_once(line: bytes) -> None:
    content = b"id,a,b,c\n1,2,3,4\n" + line * (20_000_000 // len(line))
    with cpu.at_most(2), pytest.raises(Invalid, match="rows of this file are blank"):
        look(content)
