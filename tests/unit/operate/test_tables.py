"""The one reader of files that come in: what it reads is what the file says, and everything else is refused by row and column."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any
from unicodedata import category

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from timus_autotask.operate.files.tables import (
    DAY,
    DECIMAL,
    SEPARATORS,
    TEXT,
    Column,
    FileRefused,
    Problem,
    Row,
    as_csv,
    code,
    one_of,
    read,
    read_each,
    whole,
)
from timus_autotask.plain import visible
from timus_autotask.timus.events import valid_identifier, valid_sku

COLUMNS = (
    Column("id", code(valid_identifier), required=True, aliases=("subscription",)),
    Column("sku", code(valid_sku), required=True),
    Column("quantity", whole(0, 2**31 - 1), required=True),
    Column("customer_name", TEXT),
    Column("version", whole(1, 2**53 - 1)),
    Column("price", DECIMAL),
    Column("status", one_of("active", "trial", "canceled")),
    Column("term_end", DAY),
)
HEAD = "id,sku,quantity"


def rows(data: str | bytes, columns: Sequence[Column] = COLUMNS) -> list[dict[str, Any]]:
    """What a file says, without what it leaves out."""
    found = read(data.encode() if isinstance(data, str) else data, columns, within="rows")
    return [{name: value for name, value in row.values.items() if value is not None} for row in found]


def problems(data: str | bytes) -> list[str]:
    """Why a file is refused."""
    with pytest.raises(FileRefused) as refused:
        rows(data)
    assert str(refused.value)
    return [*map(str, refused.value.problems)]


ONE = {"id": "s", "sku": "A", "quantity": 25}


class TestWhatIsRead:
    """The habits of spreadsheets that change nothing."""

    @pytest.mark.parametrize(
        "data",
        [
            "id,sku,quantity\ns,A,25\n",
            "id,sku,quantity\ns,A,25",
            "id,sku,quantity\r\ns,A,25\r\n",
            "id,sku,quantity\rs,A,25\r",
            "id;sku;quantity\ns;A;25\n",
            "id\tsku\tquantity\ns\tA\t25\n",
            "id|sku|quantity\ns|A|25\n",
            "sep=;\r\nid;sku;quantity\r\ns;A;25\r\n",
            "SEP=,\nid,sku,quantity\ns,A,25\n",
            '"sep=;"\nid;sku;quantity\ns;A;25\n',
            '"sep=;";;\nid;sku;quantity\ns;A;25\n',
            "sep=\t\nid\tsku\tquantity\ns\tA\t25\n",
            '"id","sku","quantity"\n"s","A","25"\n',
            " ID , Sku,\tQUANTITY \n s , A , 25 \n",
            "Subscription,sku,quantity\ns,A,25\n",
            "quantity,id,sku\n25,s,A\n",
            "id,sku,quantity,,\ns,A,25,,\n,,,,\n,,,,\n",
            "id;sku;quantity\ns;A;25\n;;\n;;\n",
            "\n\nid,sku,quantity\n\ns,A,25\n\n  \n,\n\n",
            'id,sku,quantity\n="s",A,="25"\n',
            'id,sku,quantity\n"=""s""",A,25\n',
            "id,sku,quantity,customer_name,term_end\ns,A,25,,\n",
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_one_table_has_many_writings(self, data: str, encoding: str) -> None:
        """Separators, quotation marks, line ends, marks, empty rows and columns, order and case of the columns."""
        assert rows(data.encode(encoding)) == [ONE]

    def test_what_a_column_holds_is_typed(self) -> None:
        """Text, whole numbers, decimal numbers with point or comma, days and words of a list."""
        data = 'id;sku;quantity;customer_name;price;status;term_end\ns;A;0;"Müller; ""Söhne""";12,50;trial;2026-12-31\n'
        assert rows(data) == [
            {
                "id": "s",
                "sku": "A",
                "quantity": 0,
                "customer_name": 'Müller; "Söhne"',
                "price": Decimal("12.50"),
                "status": "trial",
                "term_end": date(2026, 12, 31),
            }
        ]

    @pytest.mark.parametrize(
        "data",
        [
            '[{"id": "s", "sku": "A", "quantity": 25}]',
            '{"rows": [{"id": "s", "sku": "A", "quantity": 25, "version": null, "status": ""}]}',
            ' \n[{"ID": "s", "Subscription": null, "sku": "A", "quantity": 25}]'.replace(
                '"Subscription": null, ', ""
            ),
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_json(self, data: str, encoding: str) -> None:
        """A list of objects, or an object that holds it; null is left out."""
        assert rows(data.encode(encoding)) == [ONE]

    def test_numbers_of_json(self) -> None:
        """A price may have a point; it is the number that is written, to the last digit."""
        [row] = rows('[{"id": "s", "sku": "A", "quantity": 25, "price": 1.234}]')
        assert row["price"] == Decimal("1.234")

    def test_rows_have_their_numbers(self) -> None:
        """Of a CSV file the line, with the empty ones counted; of JSON the place in the list."""
        data = b"sep=,\nid,sku,quantity\n\ns,A,1\n,,\nt,A,2\n"
        assert [row.number for row in read(data, COLUMNS, "rows")] == [4, 6]
        listed = json.dumps([{"id": each, "sku": "A", "quantity": 1} for each in "st"]).encode()
        assert [row.number for row in read(listed, COLUMNS, "rows")] == [1, 2]


class TestColumns:
    """The names in the first line."""

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ("", "the columns id, sku, quantity are missing in the first line"),
            ("id\ns\n", "row 1: the columns sku, quantity are missing in the first line"),
            (f"{HEAD},quantity\ns,A,25,250\n", "row 1: quantity comes 2 times"),
            (f"{HEAD}, Quantity \ns,A,25,250\n", "row 1: quantity comes 2 times"),
            (f"{HEAD},subscription\ns,A,25,t\n", "row 1: id comes 2 times"),
            (
                f"{HEAD},seats\ns,A,25,1\n",
                "row 1: 'seats' is no column of ours; there are: id, sku, quantity, cust",
            ),
            (
                f"{HEAD},term_ende\ns,A,25,\n",
                "row 1: 'term_ende' is no column of ours; did you mean term_end? there",
            ),
            (f"{HEAD},custemer name\ns,A,25,\n", "did you mean customer_name?"),
            ("id,sku,quantiy\ns,A,25\n", "row 1: 'quantiy' is no column of ours; did you mean quantity?"),
            (f"{HEAD},\ns,A,25,26\n", "row 2: '26' stands in a column without a name"),
            (f"{HEAD}\n", "there are no rows"),
            (f"{HEAD}\n,,\n", "there are no rows"),
            (
                "sep=x\nid,sku,quantity\ns,A,25\n",
                "row 1: the separator 'x' is none of: comma, semicolon, tab, |",
            ),
            ("sep=;\nid,sku,quantity\ns,A,25\n", "row 2: 'id,sku,quantity' is no column of ours"),
            (f"\u001b[2J,{HEAD}\n", "row 1: '\\x1b[2J' is no column of ours"),
        ],
    )
    def test_each_is_known_and_there_once(self, data: str, words: str) -> None:
        """A slip in a name must not leave a column out, nor may the last of two win."""
        assert words in "\n".join(problems(data))


class TestQuotation:
    """RFC 4180 to the letter, and no cell goes on in the next line."""

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ('"s,A,25', "opens a cell and does not end it (cell 1)"),
            ('s,"A,25', "opens a cell and does not end it (cell 2)"),
            ('s,A",25', "stands within a cell (cell 2)"),
            ('s,A,2"5', "stands within a cell (cell 3)"),
            ('s,"A"B,25', "opens a cell and does not end it (cell 2)"),
            ('s,"A" ,25', "opens a cell and does not end it (cell 2)"),
            ('s, "A",25', "stands within a cell (cell 2)"),
            ('s,"A""",25"', "stands within a cell (cell 3)"),
            ('="s,A,25', "stands within a cell (cell 1)"),
            ('="s"&"t",A,25', "stands within a cell (cell 1)"),
        ],
    )
    def test_a_quotation_mark_too_many_is_named(self, line: str, words: str) -> None:
        """With its row, and the rows around it are read as what they are."""
        [found] = problems(f"{HEAD}\nr,A,1\n{line}\nt,A,3\n")
        assert found.startswith("row 3: a quotation mark ")
        assert words in found

    def test_none_of_them_joins_rows(self) -> None:
        """Two that would enclose a whole row are two problems, not one long name."""
        data = 'id,sku,quantity,customer_name\ns,A,25,"one\nt,A,30,two"\nu,A,35,three\n'
        assert [found[:22] for found in problems(data)] == [
            "row 2: a quotation mar",
            "row 3: a quotation mar",
        ]

    @pytest.mark.parametrize("line", ["s,A,25,", "s,A", "s,A,25,26", "s;A;25"])
    def test_a_row_has_as_many_cells_as_the_names(self, line: str) -> None:
        """A separator too many or too few could move a number into another column."""
        [found] = problems(f"{HEAD}\n{line}\n")
        assert found.startswith("row 2: has ")


class TestCells:
    """What stands in a cell is read as written, or named."""

    @pytest.mark.parametrize(
        ("column", "value", "words"),
        [
            ("quantity", "", "is missing"),
            (
                "quantity",
                "28.0",
                "must be a whole number, but is '28.0', a whole number that a spreadsheet has given decimals",
            ),
            (
                "quantity",
                "28,0",
                "must be a whole number, but is '28,0', a whole number that a spreadsheet has given decimals",
            ),
            ("quantity", "1.5", "must be a whole number, but is '1.5', a number with decimals"),
            ("quantity", "1,5", "must be a whole number, but is '1,5', a number with decimals"),
            ("quantity", "+5", "must be a whole number, but is '+5'"),
            ("quantity", "-5", "must be a whole number, but is '-5'"),
            (
                "quantity",
                "1 000",
                "must be a whole number, but is '1 000', a number with its thousands apart",
            ),
            (
                "quantity",
                "1\u00a0000",
                "must be a whole number, but is '1\\xa0000', a number with its thousands",
            ),
            (
                "quantity",
                "-7,000",
                "must be a whole number, but is '-7,000', a number with its thousands apart or",
            ),
            (
                "quantity",
                "1000.000",
                "must be a whole number, but is '1000.000', a whole number that a spreadsheet",
            ),
            ("quantity", "1_000", "must be a whole number, but is '1_000'"),
            ("quantity", "0028", "must be a whole number, but is '0028'"),
            ("quantity", "\uff12\uff18", "must be a whole number, but is '"),
            (
                "quantity",
                "2.8E+01",
                "must be a whole number, but is '2.8E+01', a number that a spreadsheet has rewritten",
            ),
            ("quantity", "many", "must be a whole number, but is 'many'"),
            ("quantity", "2147483648", "must be 0 to 2147483647, but is '2147483648'"),
            ("quantity", "9" * 5000, "must be a whole number, but is '999"),
            (
                "quantity",
                "#REF!",
                "is '#REF!', an error of a spreadsheet: format the column as text and copy the value again",
            ),
            ("quantity", "=2+3", "must be a whole number, but is '=2+3', a formula of a spreadsheet"),
            ("version", "0", "must be 1 to 9007199254740991, but is '0'"),
            (
                "id",
                "1.20E+05",
                "is '1.20E+05', a number that a spreadsheet has rewritten: format the column as text",
            ),
            ("id", "1,2E+05", "is '1,2E+05', a number that a spreadsheet has rewritten"),
            ("id", "1E+17", "is '1E+17', a number that a spreadsheet has rewritten"),
            ("id", "12345.00", "is '12345.00', a whole number that a spreadsheet has given decimals"),
            ("id", "#N/A", "is '#N/A', an error of a spreadsheet"),
            ("id", "#BEZUG!", "is '#BEZUG!', an error of a spreadsheet"),
            ("id", "########", "is '########', an error of a spreadsheet"),
            ("id", "'0012", "is \"'0012\", a text with a spreadsheet's mark before it"),
            ("id", "=A2", "is '=A2', a formula of a spreadsheet"),
            ("id", "2-Mar", "is '2-Mar', a day of a spreadsheet"),
            ("id", "Mar-26", "is 'Mar-26', a day of a spreadsheet"),
            ("id", "02.03.2026", "is '02.03.2026', a day of a spreadsheet"),
            ("id", "3/2/26", "is '3/2/26', a day of a spreadsheet"),
            ("id", "2026-03-02 00:00:00", "is '2026-03-02 00:00:00', a day of a spreadsheet"),
            ("id", "s 1", "must be 1 to 128 printable ASCII characters without spaces, but is 's 1'"),
            (
                "id",
                "s\u200b1",
                "must be 1 to 128 printable ASCII characters without spaces, but is 's\\u200b1'",
            ),
            ("sku", "1-Sep", "is '1-Sep', a day of a spreadsheet"),
            ("sku", "A\u202eB", "must be 1 to 128 printable characters"),
            ("sku", "A\ufffdB", "is 'A\ufffdB', a text that lost characters in another encoding"),
            ("customer_name", "#NAME?", "is '#NAME?', an error of a spreadsheet"),
            (
                "customer_name",
                "M\ufffdller",
                "is 'M\ufffdller', a text that lost characters in another encoding",
            ),
            ("customer_name", "\u001b[2J", "must be a text without control characters, but is '\\x1b[2J'"),
            ("customer_name", "\u009b2J", "must be a text without control characters, but is '\\x9b2J'"),
            ("status", "Active", "must be active, trial or canceled, but is 'Active'"),
            (
                "price",
                "1.234",
                "must be written as 1234 or as 1.2340, but is '1.234', a number with its thousands apart or with decimals",
            ),
            (
                "price",
                "1.234,50",
                "must be a number such as 12.50 or 12,50, but is '1.234,50', a number with its thousands apart",
            ),
            ("price", "12 €", "must be a number such as 12.50 or 12,50, but is '12 €'"),
            (
                "term_end",
                "31.12.2026",
                "must be a day as in 2026-03-15, but is '31.12.2026', a day of a spreadsheet",
            ),
            (
                "term_end",
                "12/31/2026",
                "must be a day as in 2026-03-15, but is '12/31/2026', a day of a spreadsheet",
            ),
            (
                "term_end",
                "2026-12-31 00:00:00",
                "must be a day as in 2026-03-15, but is '2026-12-31 00:00:00', a day of a",
            ),
            ("term_end", "46387", "must be a day as in 2026-03-15, but is '46387'"),
            ("term_end", "20261231", "must be a day as in 2026-03-15, but is '20261231'"),
            ("term_end", "2026-W11-7", "must be a day as in 2026-03-15"),
            ("term_end", "2026-02-30", "must be a day of the calendar"),
            ("term_end", "1926-12-31", "must be a day as in 2026-03-15"),
        ],
    )
    def test_what_is_not_as_written_is_named(self, column: str, value: str, words: str) -> None:
        """With the row, the column, what is there, and what a spreadsheet did to it."""
        cells = {"id": "s", "sku": "A", "quantity": "25", column: value}
        quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells.values()]
        [found] = problems(f"{','.join(cells)}\n{','.join(quoted)}\n")
        assert found.startswith(f"row 2: {column} {words}")

    @pytest.mark.parametrize("column", ["id", "sku", "quantity"])
    @pytest.mark.parametrize(
        ("value", "may_be"),
        [
            *((each, "thousands apart or with decimals") for each in ("7,000", "1.000", "12,345", "999.001")),
            *(
                (each, "thousands apart")
                for each in ("1'000", "1\u2019000", "1.234.567", "1,234,567", "1.234,50")
            ),
            *((each, "thousands apart") for each in ("1,23,456", "12,34,567.8")),
            *((each, "with decimals") for each in ("1,5", "0.125", "1234.567")),
            *((each, "spreadsheet has given decimals") for each in ("28.0", "28,00", "0.000", "1000.000")),
        ],
    )
    def test_a_number_that_is_not_written_in_digits_alone_is_refused_with_what_it_may_be(
        self, column: str, value: str, may_be: str
    ) -> None:
        """Thousands apart, decimals, or either: nobody has to guess which of them the file means."""
        cells = {"id": "s", "sku": "A", "quantity": "25", column: value}
        [found] = problems("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n")
        assert re.search(rf"{re.escape(value)}'?\"?, a (whole )?number [a-z ]*{may_be}(: |$)", found)

    @pytest.mark.parametrize("sign", [" ", "\u00a0", "\u202f"])
    def test_thousands_may_be_apart_by_a_space_of_any_kind(self, sign: str) -> None:
        """The one that does not break and the narrow one look like any other."""
        for column in ("sku", "quantity"):
            cells = {"id": "s", "sku": "A", "quantity": "25", column: f"1{sign}000"}
            [found] = problems("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n")
            assert ", a number with its thousands apart" in found

    def test_an_id_that_looks_like_such_a_number_is_taken_as_a_formula_that_gives_the_text(self) -> None:
        """The problem says how, for another copy of the value would be refused again."""
        [found] = problems("id\tsku\tquantity\n1.5\tA\t1\n")
        assert found.endswith('copy the value again, or give it as ="…" if it is right')
        assert rows('id\tsku\tquantity\n="1.5"\tA\t1\n')[0]["id"] == "1.5"

    @pytest.mark.parametrize("price", ["12.5", "12,5", "0,125", "1234", "1234,567", "-3,50", "1.2340"])
    def test_decimals(self, price: str) -> None:
        """With a comma or a point, and no sign for thousands."""
        [row] = rows(f"{HEAD};price\n".replace(",", ";") + f"s;A;25;{price}\n")
        assert row["price"] == Decimal(price.replace(",", "."))

    def test_ids_that_look_like_nothing_else_are_taken(self) -> None:
        """Zeros in front, a short "e" and long numbers are ids as good as others."""
        for each in (
            "0012345",
            "12e4",
            "12345678901234567890",
            "10-24",
            "1.2.3",
            "MAR1",
            "sub-2026-03",
            "1/2",
        ):
            assert rows(f"{HEAD}\n{each},A,1\n")[0]["id"] == each

    def test_every_problem_is_told(self) -> None:
        """In the order of the rows, several of one row too."""
        found = problems(f'{HEAD}\ns,A,many\n,A,\n"s,A,1\ns,A\n')
        assert found[:3] == [
            "row 2: quantity must be a whole number, but is 'many'",
            "row 3: id is missing",
            "row 3: quantity is missing",
        ]
        assert [each[:7] for each in found[3:]] == ["row 4: ", "row 5: "]


class TestBytes:
    """What is no text is refused."""

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (
                f"{HEAD}\ns,A,1\nt,Ä,2\n".encode("cp1252"),
                "row 3: this is not UTF-8 text: save the file as CSV UTF-8",
            ),
            (f"{HEAD}\r\ns,A,1\r\nt,Ä,2\r\n".encode("cp1252"), "row 3: this is not UTF-8 text"),
            (f"{HEAD}\ns,A,1\n".encode("utf-16") + b"\x00", "row 3: this is not UTF-16 text"),
            (
                f"{HEAD}\ns,A,1\n".encode("utf-16-le"),
                "row 1: there is a zero byte: save the file as CSV UTF-8",
            ),
            (f"{HEAD}\ns,A,1\n".encode("utf-32"), "row 1: there is a zero byte"),
            (b"PK\x03\x04\x14\x00", "this is a workbook: save the sheet as CSV UTF-8"),
        ],
    )
    def test_the_encoding_is_certain_or_the_file_is_refused(self, data: bytes, words: str) -> None:
        """Windows-1252 among them: another code page would make another letter of the same byte."""
        [found] = problems(data)
        assert found.startswith(words)


class TestJson:
    """Types to the letter, and each field once."""

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ("[", "it is not JSON: "),
            ("[1]", "row 1: is no object"),
            ("[[]]", "row 1: is no object"),
            ("[]", "there are no rows"),
            ("{}", 'it must be a list of objects, or one object {"rows": [...]}'),
            ('{"rows": [], "rows": []}', "it must be a list of objects"),
            ('{"rows": {}}', "it must be a list of objects"),
            ('{"rows": [], "more": []}', "it must be a list of objects"),
            ("[" * 100_000, "it is not JSON: nested too deeply"),
            ('[{"quantity": NaN}]', "it is not JSON: NaN is no number"),
            ('[{"quantity": ' + "9" * 5000 + "}]", "it is not JSON: "),
            ('[{"price": 1e99999999999999999999}]', "it is not JSON: "),
            (
                '[{"id": "s", "sku": "A", "quantity": 25, "quantity": 250}]',
                "row 1: quantity comes 2 times",
            ),
            (
                '[{"id": "s", "sku": "A", "quantity": 25, "Quantity": 250}]',
                "row 1: quantity comes 2 times",
            ),
            ('[{"id": "s", "sku": "A", "quantity": 25, "seats": 1}]', "row 1: 'seats' is no column of ours"),
            (
                '[{"id": "s", "sku": "A", "quantity": 25, "": 1}]',
                "row 1: 1 stands in a column without a name",
            ),
            ('[{"id": "s", "sku": "A"}]', "row 1: quantity is missing"),
            ('[{"id": "s", "sku": "A", "quantity": null}]', "row 1: quantity is missing"),
        ],
    )
    def test_what_two_readers_could_read_differently_is_refused(self, data: str, words: str) -> None:
        """The last of two fields, a number that is none, a list where an object should be."""
        assert any(found.startswith(words) for found in problems(data))

    @pytest.mark.parametrize(
        ("column", "value", "words"),
        [
            ("quantity", '"25"', "must be a whole number, but is '25'"),
            ("quantity", "25.0", "must be a whole number, but is 25.0"),
            ("quantity", "2.5e1", "must be a whole number, but is 25"),
            ("quantity", "true", "must be a whole number, but is True"),
            ("quantity", "false", "must be a whole number, but is False"),
            ("quantity", "-1", "must be 0 to 2147483647, but is -1"),
            ("quantity", "[25]", "must be a whole number, but is [25]"),
            ("quantity", '{"a": 1}', "must be a whole number, but is "),
            ("id", "12345", "must be a text, but is 12345"),
            ("id", '"1.20E+05"', "is '1.20E+05', a number that a spreadsheet has rewritten"),
            ("id", '" s"', "must be 1 to 128 printable ASCII characters without spaces, but is ' s'"),
            ("customer_name", '"\\ud800"', "must be a text without control characters, but is '\\ud800'"),
            ("customer_name", '"\\u0000"', "must be a text without control characters, but is '\\x00'"),
            ("price", '"12.5"', "must be a number such as 12.50, but is '12.5'"),
            ("price", "1e400", "must be a number such as 12.50, but is 1E+400"),
            ("price", "true", "must be a number such as 12.50, but is True"),
            ("term_end", "20261231", "must be a text, but is 20261231"),
        ],
    )
    def test_types_are_not_bent(self, column: str, value: str, words: str) -> None:
        """A text is no number, and a number no text."""
        fields = {"id": '"s"', "sku": '"A"', "quantity": "25", column: value}
        data = "[{" + ", ".join(f'"{name}": {each}' for name, each in fields.items()) + "}]"
        [found] = problems(data)
        assert found.startswith(f"row 1: {column} {words}")


# -- Properties


identifiers = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
skus = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=12)
days = st.dates(date(2000, 1, 1), date(2199, 12, 31))


def _taken(text: str, column: str) -> bool:
    """Whether the reader takes a text as it is: what it refuses has tests of its own."""
    value = {"id": "s", "sku": "A", "quantity": 1, column: text}
    try:
        [row] = rows(json.dumps([value]))
    except FileRefused:
        return False
    return bool(row[column] == text == text.strip())


records = st.fixed_dictionaries(
    {
        "id": identifiers.filter(lambda text: _taken(text, "id")),
        "sku": skus.filter(lambda text: _taken(text, "sku")),
        "quantity": st.integers(0, 2**31 - 1),
    },
    optional={
        "customer_name": names.filter(lambda text: _taken(text, "customer_name")),
        "version": st.integers(1, 2**53 - 1),
        "price": st.decimals(-(10**9), 10**9, places=2, allow_nan=False),
        "status": st.sampled_from(["active", "trial", "canceled"]),
        "term_end": days,
    },
)


@dataclass(frozen=True)
class Writer:
    """How a spreadsheet or a program writes CSV."""

    separator: str
    line_end: str
    quotes: str
    """``all`` cells, those that ``need`` it, or, for what could become a number, as ``text`` in a formula."""
    encoding: str
    says_separator: bool
    decimal: str
    more_rows: int
    more_columns: int

    def cell(self, value: object) -> str:
        """One cell."""
        text = "" if value is None else str(value)
        if isinstance(value, Decimal):
            text = text.replace(".", self.decimal)
        special = any(sign in text for sign in (self.separator, '"', "\n", "\r"))
        if self.quotes == "text" and isinstance(value, str) and not special:
            return f'="{text}"'
        # "=..." in quotation marks would be a formula again.
        return '"' + text.replace('"', '""') + '"' if special or self.quotes == "all" else text

    def lines(self, table: Sequence[dict[str, Any]]) -> list[str]:
        """The lines of a table."""
        columns = [each.name for each in COLUMNS]
        blank = [""] * (len(columns) + self.more_columns)
        lines = [[*columns, *blank[len(columns) :]]]
        lines += [[*(self.cell(row.get(name)) for name in columns), *blank[len(columns) :]] for row in table]
        lines += [blank] * self.more_rows
        return [
            *(["sep=" + self.separator] * self.says_separator),
            *(self.separator.join(each) for each in lines),
        ]

    def written(self, table: Sequence[dict[str, Any]]) -> bytes:
        """A file."""
        return self.line_end.join([*self.lines(table), ""]).encode(self.encoding)


writers = st.builds(
    Writer,
    separator=st.sampled_from(SEPARATORS),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quotes=st.sampled_from(["all", "need", "text"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    says_separator=st.booleans(),
    decimal=st.sampled_from([",", "."]),
    more_rows=st.integers(0, 3),
    more_columns=st.integers(0, 2),
)
tables = st.lists(records, min_size=1, max_size=4)


@given(tables, writers)
def test_what_is_written_is_read(table: list[dict[str, Any]], writer: Writer) -> None:
    """Any rows, by any writer, are what they were."""
    assert rows(writer.written(table)) == table


def same_or_refused(data: bytes, table: list[dict[str, Any]]) -> tuple[Problem, ...]:
    """A damaged file says what it said, or is refused with problems that name a row."""
    try:
        found = rows(data)
    except FileRefused as refused:
        return refused.problems
    assert found == table
    return ()


@given(tables, writers, st.data())
def test_one_quotation_mark_too_many_or_too_few_changes_nothing(
    table: list[dict[str, Any]], writer: Writer, data: st.DataObject
) -> None:
    """It is refused, wherever it is: each line has an even number of them."""
    text = writer.written(table).decode(writer.encoding)
    begins = text.index(writer.line_end) + 1 if writer.says_separator else 0
    places = [at for at in range(begins, len(text)) if text[at] == '"']
    removes = data.draw(st.booleans())
    if places and removes:
        at = data.draw(st.sampled_from(places))
        damaged = text[:at] + text[at + 1 :]
    else:
        at = data.draw(st.integers(begins, len(text)))
        damaged = text[:at] + '"' + text[at:]
    with pytest.raises(FileRefused):
        rows(damaged.encode(writer.encoding))


@given(tables, writers, st.data())
def test_one_separator_too_many_or_too_few_changes_nothing(
    table: list[dict[str, Any]], writer: Writer, data: st.DataObject
) -> None:
    """No number moves into another column."""
    lines = writer.lines(table)
    at = data.draw(st.integers(int(writer.says_separator), len(lines) - 1))
    line = lines[at]
    # A separator between two quotation marks is a part of the text.
    places = [p for p, sign in enumerate(line) if sign == writer.separator and line[:p].count('"') % 2 == 0]
    place = data.draw(st.sampled_from(places))
    keeps = data.draw(st.booleans())
    lines[at] = lines[at][:place] + (writer.separator * 2 if keeps else "") + lines[at][place + 1 :]
    written = writer.line_end.join([*lines, ""]).encode(writer.encoding)
    damaged = [problem.row for problem in same_or_refused(written, table)]
    # Too many or too few names are seen at each row that has cells.
    assert all(damaged) if at == writer.says_separator else set(damaged) <= {at + 1}


@given(tables, writers, st.data())
def test_a_column_that_comes_twice_or_has_another_name_is_refused(
    table: list[dict[str, Any]], writer: Writer, data: st.DataObject
) -> None:
    """The last one never wins, and none is left out in silence."""
    lines = writer.lines(table)
    at = int(writer.says_separator)
    names = lines[at].split(writer.separator)
    one, other = data.draw(st.permutations(range(len(COLUMNS))).map(lambda order: order[:2]))
    changed = data.draw(
        st.sampled_from(
            [names[other], names[other].upper(), names[one] + "x", names[one][:-1], f"#{names[one]}"]
        )
    )
    assume(changed.lower() != names[one])
    names[one] = changed
    lines[at] = writer.separator.join(names)
    with pytest.raises(FileRefused) as refused:
        rows(writer.line_end.join([*lines, ""]).encode(writer.encoding))
    assert {problem.row for problem in refused.value.problems} == {at + 1}


def _as_spreadsheet(column: str, value: str) -> st.SearchStrategy[str]:
    """What a spreadsheet makes of a cell."""
    damages = [
        "#REF!",
        "#N/A",
        f"'{value}",
        f"={value}",
        "1.20E+05",
        "2-Mar",
        "03/02/2026",
        f" {value} ",
        f"{value}\u00a0",
    ]
    if column == "quantity":
        number = int(value)
        damages += [f"{number}.0", f"{number},00", f"{number:.2E}", f"+{number}", f"0{number}", f"{number}%"]
        # What has no thousands is as it was.
        damages += [f"{number:,}", f"{number:,}".replace(",", "."), f"{number:,}".replace(",", " ")]
    return st.sampled_from(damages)


@given(tables, st.data())
def test_a_cell_that_a_spreadsheet_rewrote_is_no_other_id_and_no_other_quantity(
    table: list[dict[str, Any]], data: st.DataObject
) -> None:
    """It is refused by row and column, or it is what it was."""
    writer = Writer(
        ";", "\r\n", "all", "utf-8-sig", says_separator=False, decimal=",", more_rows=0, more_columns=0
    )
    at = data.draw(st.integers(0, len(table) - 1))
    column = data.draw(st.sampled_from(["id", "sku", "quantity"]))
    value = data.draw(_as_spreadsheet(column, str(table[at][column])))
    damaged = [{**row, column: value} if number == at else row for number, row in enumerate(table)]
    found = same_or_refused(writer.written(damaged), table)
    assert {(problem.row, problem.column) for problem in found} <= {(at + 2, column)}


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Never anything else."""
    typed_or_refused(data)


@given(tables, writers, st.integers(0, 10**6), st.binary(max_size=3))
def test_any_damage_is_read_or_refused(
    table: list[dict[str, Any]], writer: Writer, place: int, piece: bytes
) -> None:
    """Never anything else, next to what is well-formed too."""
    data = writer.written(table)
    place %= len(data)
    typed_or_refused(data[:place] + piece + data[place + len(piece) :])
    typed_or_refused(data[:place])


NAMES = st.text() | st.lists(
    st.sampled_from([*"=+-@\t\r\n\"',;\x1b\x07\x85\u202e\u2066\u2028\ufeff\\", "u202e", "1"])
).map("".join)


@given(st.lists(NAMES, min_size=1))
def test_what_is_written_steers_nothing_and_reads_back(names: list[str]) -> None:
    """Whoever looks at the file, with a terminal or a spreadsheet: controls are visible, formulas are marked; what could be read is read again."""
    table = [{"name": name, "at": at} for at, name in enumerate(names)]
    columns = (Column("name", TEXT), Column("at", whole(0, 1000)))
    written = as_csv(columns, table)
    assert {each for each in written if not each.isprintable() and visible(each) != each} <= {*"\r\n"}
    assert len(written.splitlines()) == 1 + len(names)
    for cell, *_ in list(csv.reader(StringIO(written)))[1:]:
        assert not cell or cell[0].isalnum() or cell.startswith('="')
    found, _ = read_each(written.encode(), columns, "rows")
    for row in found:
        name = names[row.values["at"]]
        if not any(category(each) in ("Cc", "Cs") for each in name):
            assert (row.values["name"] or "").strip() == name.strip()


def typed_or_refused(data: bytes) -> None:
    """Typed rows, or problems that can be printed."""
    found: tuple[Row, ...] = ()
    with suppress(FileRefused):
        found = read(data, COLUMNS, "rows")
    for row in found:
        assert type(row.values["quantity"]) is int
        assert valid_identifier(row.values["id"])
        assert valid_sku(row.values["sku"])
