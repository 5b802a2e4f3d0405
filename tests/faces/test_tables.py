"""Tables of invoices: every cell is read one way, or its invoice is refused by row and column and the others go."""

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import contacts, csv_invoices, files, preview
from cli.files import BadEntry, FileEntry, Note
from events.invoice import Invoice

HEAD = "invoice,number,date,due_date,currency,client,client_name,description,quantity,unit_amount"
ACME = "2026-11-20,2026-12-20,USD,acme,ACME Ltd"


def in_file(folder, content, name="jobs.csv"):
    """What a file of this content holds: invoices by id, problems by place, notes."""
    path = Path(folder) / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(files.entries(path, "harbour"))
    good = {one.document["id"]: Invoice.model_validate(one.document) for one in found if isinstance(one, FileEntry)}
    bad = {one.place: " · ".join(one.problems) for one in found if isinstance(one, BadEntry)}
    return good, bad, [one.said for one in found if isinstance(one, Note)]


def amounts(invoice):
    return [str(line.amount) for line in invoice.lines]


def test_rows_of_one_invoice_may_stand_anywhere(tmp_path):
    """An export sorted by date billed 310.50 of 724.50, without a word."""
    rows = [
        f'a1,A-1,{ACME},"Crew, Monday",8,45.00',
        f'a2,A-2,{ACME},"Crew, Monday",4,45.00',
        f'a1,A-1,{ACME},"Crew, Tuesday",6,45.00',
        f'a2,A-2,{ACME},"Crew, Tuesday",2,45.00',
    ]
    good, bad, _ = in_file(tmp_path, "\n".join([HEAD, *rows]))
    assert bad == {}
    assert amounts(good["a1"]) == ["360.00", "270.00"]
    assert amounts(good["a2"]) == ["180.00", "90.00"]
    assert [line.description for line in good["a1"].lines] == ["Crew, Monday", "Crew, Tuesday"]


def test_an_amount_with_a_comma_bills_nothing_else(tmp_path):
    """900,00 in a table with commas was billed as 6.90."""
    rows = [f"b1,B-1,{ACME},Crew,2,900,00", f"b2,B-2,{ACME},Crew,1,10.00"]
    good, bad, _ = in_file(tmp_path, "\n".join([HEAD, *rows]))
    assert list(good) == ["b2"]
    assert (
        "row 2: 11 cells where there are 10 columns; “900,00” may be one number, which is written with a point"
        in bad["jobs.csv:2"]
    )


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("discount", "Column discount is not known; do you mean discount_rate?"),
        ("Qty", "Column Qty is not known"),
        ("unit price", "Column unit price is not known"),
        ("descripton", "Column descripton is not known; do you mean description?"),
        ("Number", "Column number stands there more than once (columns 2 and 11)"),
    ],
)
def test_a_column_nobody_knows_is_named(tmp_path, column, said):
    """A column under another name was ignored, and its 10 % were lost."""
    good, bad, _ = in_file(tmp_path, f"{HEAD},{column}\nh2,H-2,{ACME},Crew,1,100.00,10")
    assert good == {}
    assert said in bad["jobs.csv:1"]


@pytest.mark.parametrize(
    ("column", "other", "said"),
    [
        (2, "2026-11-21", "row 3, column date: “2026-11-21”, but row 2 says “2026-11-20”"),
        (4, "EUR", "row 3, column currency: “EUR”, but row 2 says “USD”"),
        (5, "bolt", "row 3, column client: “bolt”, but row 2 says “acme”"),
        (1, "N-2", "row 3, column number: “N-2”, but row 2 says “N-1”"),
        (10, "99.00", "row 3, column total: “99.00”, but row 2 says “30.00”"),
    ],
)
def test_rows_that_contradict_each_other_are_refused_together(tmp_path, column, other, said):
    """What the first row said won, whatever the others said."""
    first = ["i1", "N-1", *ACME.split(","), "Crew", "1", "10.00", "30.00"]
    second = [*first[:7], "Van", "1", "20.00", "30.00"]
    second[column] = other
    third = ["i2", "N-9", *ACME.split(","), "Crew", "1", "5.00", ""]
    text = "\n".join([f"{HEAD},total", *(",".join(row) for row in (first, second, third))])
    good, bad, _ = in_file(tmp_path, text)
    assert list(good) == ["i2"]
    assert bad == {"jobs.csv:2": said}


def test_an_empty_cell_contradicts_nothing(tmp_path):
    text = "\n".join([HEAD, f"i1,N-1,{ACME},Crew,1,10.00", "i1,,,,,,,Van,1,20.00"])
    good, bad, _ = in_file(tmp_path, text)
    assert (bad, amounts(good["i1"])) == ({}, ["10.00", "20.00"])


@pytest.mark.parametrize("name", ["jobs.csv", "jobs.json", "jobs.jsonl"])
def test_a_file_with_no_invoice_in_it_is_told(tmp_path, name):
    """A report that came out empty was taken for one that was sent: no word, and exit 0."""
    path = tmp_path / name
    path.write_text({"jobs.csv": HEAD, "jobs.json": "[]", "jobs.jsonl": "\n"}[name])
    assert preview.read_invoices(path, "harbour").unreadable == {name: ["file: there is no invoice in it"]}


FRENCH = f"{HEAD}\nb2,B-2,{ACME},Peinture murale - café et façade,2,450.00\n"
NAMES = f"{HEAD}\nb3,B-3,2026-11-20,2026-12-20,USD,acme,José Núñez \u2013 Málaga,Extra ½ day,1,450.00\n"


@pytest.mark.parametrize("text", [FRENCH, NAMES, FRENCH.replace("\n", "\r\n"), NAMES.replace("\n", "\r")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_a_file_is_read_in_the_encoding_it_has(tmp_path, text, encoding):
    """Accents became question marks in approved invoices; UTF-16 was no table at all."""
    good, bad, notes = in_file(tmp_path, text.encode(encoding))
    (found,) = good.values()
    assert bad == {}
    assert (found.client.name, found.lines[0].description) in {
        ("ACME Ltd", "Peinture murale - café et façade"),
        ("José Núñez \u2013 Málaga", "Extra ½ day"),
    }
    named = {"cp1252": "Windows-1252", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}.get(encoding)
    assert [named in note for note in notes] == ([True] if named else [])


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("cp1251", "Привет"),
        ("cp1253", "Αθήνα"),
        ("cp1250", "Wałęsa"),
        ("mac_roman", "façade"),
        ("mac_roman", "café"),
        ("mac_roman", "España"),
        ("cp437", "façade"),
        ("shift_jis", "日本語です"),
        ("cp1255", "שלום"),
    ],
)
def test_an_encoding_nobody_can_be_sure_of_is_refused(tmp_path, encoding, word):
    text = f"{HEAD}\nb2,B-2,{ACME},{word},2,450.00\n"
    good, bad, _ = in_file(tmp_path, text.encode(encoding))
    assert good == {}
    ((_, said),) = bad.items()
    assert "CSV UTF-8" in said


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("head", [HEAD, HEAD.upper(), HEAD.title(), HEAD.replace("_", " ").title()])
def test_separators_and_the_look_of_names_do_not_matter(tmp_path, separator, head):
    """Semicolons and capitals were “columns missing”, all of them."""
    row = f"b4,B-4,{ACME},Crew,2,450.00"
    text = f"{head}\n{row}\n".replace(",", separator)
    good, bad, _ = in_file(tmp_path, text)
    assert (bad, amounts(good["b4"])) == ({}, ["900.00"])


def test_what_stands_above_a_table_for_excel_is_understood(tmp_path):
    good, bad, _ = in_file(tmp_path, f"sep=;\n{HEAD}\nb4,B-4,{ACME},Crew,2,x\n".replace(",", ";"))
    assert good == {}
    assert bad == {"jobs.csv:3": "row 3, column unit_amount: “x” is not a number here; write it like 12.50"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("*ContactName,EmailAddress,*InvoiceNumber,*InvoiceDate\nA,,X,20/11/2026", "Xero's own template"),
        ("id,Number,Customer Name,Currency,Amount Due,Description\nin_1,9,A,usd,115.00,x", "an export of Stripe"),
        ("InvoiceNo,Customer,InvoiceDate\n1,A,2026-11-20", "an export of QuickBooks"),
        ("Job No.,Client,Amount\n1,A,5", "an export of WorkflowMax"),
        (b"PK\x03\x04rest", "an Excel or OpenDocument workbook"),
        (b"%PDF-1.7", "a PDF"),
        ("", "This is empty"),
        ("\n\n", "This is empty"),
        ("just a line", "The first row is one cell, “just a line”"),
        (f"{HEAD}\n\0", "NUL"),
        (
            f'{HEAD}\nb,B,{ACME},"Crew,1,5.00\nc,C,{ACME},Van,1,5.00',
            "A quote that is opened in line 2 is never closed",
        ),
        (f'{HEAD}\nb,B,{ACME},"6"" pipe" x,1,5.00', "behind a closing quote"),
        (f"{HEAD}\nb,B,{ACME},{'x' * 200_000},1,5.00", "more than 100,000 characters"),
    ],
)
def test_what_is_no_table_of_ours_is_told_what_it_looks_like(tmp_path, content, said):
    good, bad, _ = in_file(tmp_path, content)
    assert good == {}
    ((_, told),) = bad.items()
    assert said in told


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,2,“1,250.50”", "write 1250.50"),
        (
            "2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,2,$450.00",
            "column unit_amount: “$450.00” is not a number",
        ),
        (
            "20/11/2026,2026-12-20,USD,acme,ACME Ltd,Crew,2,450.00",
            "column date: “20/11/2026” is not a date here",
        ),
        ("03/04/2026,2026-12-20,USD,acme,ACME Ltd,Crew,2,450.00", "2026-04-03 for 3 Apr or 2026-03-04 for 4 Mar"),
        ("2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,2,“450,00”", "write 450.00"),
        ("2026-11-20,2026-12-20,usd,acme,ACME Ltd,Crew,2,450.00", "column currency: “usd”"),
        ("2026-11-20,2026-12-20,USD,acme,ACME Ltd,,2,450.00", "column description: is missing"),
        ("2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,2,", "column unit_amount: is missing"),
        ("2026-11-20,2026-12-20,USD,acme,ACME Ltd,Text only,,", "has no quantity and no unit amount in any row"),
        ("2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,12.5%,1", "write 12.5 or 0.125"),
        ("2026-11-20,2026-12-20,USD,acme,ACME Ltd,Crew,1,(5.00)", "write -5.00"),
        ("2026-11-20,2026-12-20,USD,,ACME Ltd,Crew,1,5.00", "column client: is empty"),
    ],
)
def test_a_cell_in_another_form_is_named_by_row_and_column_with_what_would_be_right(tmp_path, cells, said):
    """An empty last row is no mistake."""
    row = cells.replace("“", '"').replace("”", '"')
    text = "\n".join([HEAD, f"ok,N-0,{ACME},Crew,1,1.00", f"b5,B-5,{row}", "," * 9])
    good, bad, _ = in_file(tmp_path, text)
    assert list(good) == ["ok"]
    assert list(bad) == ["jobs.csv:3"]
    assert bad["jobs.csv:3"].startswith("row 3")
    assert said in bad["jobs.csv:3"]


def test_a_heading_among_lines_and_an_item_that_brings_the_rest(tmp_path):
    head = f"{HEAD},item_code"
    rows = [f"i1,N-1,{ACME},Stage 2,,,", f"i1,N-1,{ACME},Crew,1,10.00,", f"i1,N-1,{ACME},,2,,CREW"]
    good, bad, _ = in_file(tmp_path, "\n".join([head, *rows]))
    assert bad == {}
    assert [line.amount for line in good["i1"].lines] == [Decimal(0), Decimal("10.00"), None]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "broken",
    [
        f"i1,N-1,{ACME},Van,1",
        f"i1,N-1,{ACME},Van, white,1,20.00",
        "Smith, Bob,i1,N-1",
        f",N-1,{ACME},Van,1,20.00",
        f",,{ACME},Van,1,20.00",
        f"i1,N-1,{ACME},Van,1,20.O0",
        f"i\u200b1,N-1,{ACME},Van,1,20.00",
    ],
)
def test_an_invoice_is_never_sent_without_a_row_that_may_be_its_own(tmp_path, broken, place):
    rows = [f"i1,N-1,{ACME},Crew,1,10.00", f"i1,N-1,{ACME},Crane,1,10.00"]
    rows.insert(place, broken)
    other = f"i2,N-2,{ACME},Crew,1,10.00"
    text = "\n".join([HEAD, other, *rows] if not broken.startswith(",,") else [HEAD, *rows, other])
    good, bad, _ = in_file(tmp_path, text)
    if broken.startswith(",,") and place == 0:
        assert "i2" in good  # nothing stands above it: it is an invoice without an id, alone
        assert bad
        return
    assert "i1" not in good
    assert "i2" in good
    assert bad


def test_a_file_of_many_rows_is_read_whole(tmp_path):
    rows = (f"i{n % 8_000},N-{n % 8_000},{ACME},Crew {n},1,1.00" for n in range(20_000))
    path = tmp_path / "large.csv"
    path.write_text("\n".join([HEAD, *rows]))
    found = csv_invoices.sheet(path)
    assert (len(found.invoices), found.refused) == (8_000, [])
    assert sum(len(one.document["lines"]) for one in found.invoices) == 20_000


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-8"])
@pytest.mark.parametrize("name", ["one.json", "one.jsonl"])
def test_json_is_read_with_the_marks_that_other_systems_write_before_it(tmp_path, encoding, name):
    """PowerShell and .NET write a byte order mark."""
    text = (
        '{"id":"bom1","number":"B-1","date":"2026-11-20","currency":"USD","client":{"id":"a","name":"Ä"},'
        '"lines":[{"description":"Crew","quantity":"1","unit_amount":"1.00"}]}'
    )
    good, bad, _ = in_file(tmp_path, text.encode(encoding), name)
    assert (bad, good["bom1"].client.name) == ({}, "Ä")


def test_an_invoice_that_stands_in_a_file_twice_with_two_contents_is_refused(tmp_path):
    one = '{"id":"i1","number":"N-1","lines":[%d]}\n'
    found = list(files.entries(_written(tmp_path / "two.jsonl", one % 1 + one % 2 + one % 1), "harbour"))
    assert [bad.problems[0][:17] for bad in found] == ["id: two.jsonl:2 h", "id: two.jsonl:1 h", "id: two.jsonl:1 h"]


def _written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_contacts_are_read_by_the_same_reader(tmp_path, separator, encoding):
    text = "Client,Xero Contact,Name\n7/ä,aaaaaaaa-0000-4000-8000-000000000001,Café\n,,\nb,x\nb,x,y,z\n"
    path = tmp_path / "contacts.csv"
    path.write_bytes(text.replace(",", separator).encode(encoding))
    mistakes = {}
    found = contacts.wishes(path, mistakes)
    assert list(found) == ["7/ä"]
    assert found["7/ä"][1].client_name == "Café"
    assert {place: said[:7] for place, said in mistakes.items()} == {
        "contacts.csv:4": "2 cells",
        "contacts.csv:5": "4 cells",
    }


# -- any table: read right, or refused by row and column; never a wrong amount

COLUMNS = HEAD.split(",")
texts = st.text(st.sampled_from('abc äé ,;|"\t\n-'), max_size=8).map(str.strip)
odd_numbers = st.sampled_from(
    ["1,5", "900,00", "1,234.50", "12.5%", "(5)", "1_0", "1e3", "x", "٣", ".5", "5.", "--1"]
)
numbers = st.decimals(-999, 999, places=2, allow_nan=False).map(str) | st.integers(0, 9).map(str)
rows = st.fixed_dictionaries(
    {
        "invoice": st.sampled_from(["i1", "i2", "i3", "1", "2"]),
        "description": texts,
        "quantity": st.one_of(numbers, numbers, numbers, odd_numbers, st.just("")),
        "unit_amount": st.one_of(numbers, numbers, numbers, odd_numbers, st.just("")),
        "date": st.sampled_from(["2026-11-20"] * 9 + ["20/11/2026", "", "2026-11-21"]),
        "harm": st.sampled_from(["none"] * 12 + ["short", "long", "blank", "unquoted"]),
    }
)


def table_of(drawn, separator, ending):
    """The table as a careless program writes it; and what it meant, invoice by invoice."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=ending)
    writer.writerow(COLUMNS)
    for row in drawn:
        number, client = f"N-{row['invoice']}", "acme"
        cells = [row["invoice"], number, row["date"], "", "USD", client, "ACME"]
        cells += [row["description"], row["quantity"], row["unit_amount"]]
        if row["harm"] == "short":
            cells.pop()
        elif row["harm"] == "long":
            cells.insert(7, "x")
        elif row["harm"] == "blank":
            out.write(separator * 9 + ending)
        if row["harm"] == "unquoted":
            out.write(separator.join(cell.replace("\n", " ").replace('"', "") for cell in cells) + ending)
        else:
            writer.writerow(cells)
    return out.getvalue()


def meant(drawn):
    """An independent reader: what each invoice comes to where all its rows are written as they should be."""
    by_invoice = {}
    for row in drawn:
        by_invoice.setdefault(row["invoice"], []).append(row)
    return {
        id_: [
            Decimal(row["quantity"]) * Decimal(row["unit_amount"]) if row["quantity"] else Decimal(0) for row in mine
        ]
        for id_, mine in by_invoice.items()
        if all(_is_plain(row) for row in mine)
    }


def _is_plain(row):
    written = re.compile(r"-?[0-9]+(\.[0-9]+)?")
    both = bool(row["quantity"]), bool(row["unit_amount"])
    fine = all(written.fullmatch(row[name]) for name in ("quantity", "unit_amount") if row[name])
    return fine and both[0] == both[1] and row["harm"] in ("none", "blank")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(rows, min_size=1, max_size=7),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_any_table_is_read_right_or_refused_by_row_and_column(tmp_path, drawn, separator, ending, encoding):
    text = table_of(drawn, separator, ending)
    encoding = "utf-8" if "٣" in text else encoding
    good, bad, _ = in_file(tmp_path, text.encode(encoding))
    said = meant(drawn)
    for id_, invoice in good.items():
        wanted = said.get(id_)
        if wanted is None:  # a row without quotes may still be whole
            mine = [row for row in drawn if row["invoice"] == id_]
            assert all(row["harm"] in ("none", "blank", "unquoted") for row in mine)
            wanted = [Decimal(row["quantity"] or 0) * Decimal(row["unit_amount"] or 0) for row in mine]
        assert [line.amount for line in invoice.lines] == [_cents(amount) for amount in wanted]
        assert len({row["date"] for row in drawn if row["invoice"] == id_ and row["date"]}) == 1
    for told in bad.values():
        assert re.match(r"(row \d+(, column \w+|, invoice|:))|table: ", told), told
    ids = {row["invoice"] for row in drawn}
    assert bad or set(good) == ids


def _cents(amount):
    return amount.quantize(Decimal("0.01"), "ROUND_HALF_UP")
