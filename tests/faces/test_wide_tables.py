"""Tables with very many cells or columns: refused in a moment, in a few words, against the right invoices."""

import pytest

from tests.faces.test_tables import ACME, HEAD, in_file


@pytest.mark.timeout(20)
@pytest.mark.parametrize("moved", [0, 1, 450, 2000])
def test_a_row_of_very_many_cells_is_read_in_a_moment_and_held_against_its_invoice(tmp_path, moved):
    """A row of 900 cells took a minute and 1.7 GB: every run of cells was put together."""
    cells = f"b1,B-1,{ACME},Crew,2,900.00".split(",")
    long = [*["x" * 2000] * moved, *cells, *["y" * 2000] * (2000 - moved)]
    rows = [f"b1,B-1,{ACME},Crew,1,10.00", ",".join(long), f"b2,B-2,{ACME},Crew,1,10.00"]
    good, bad, _ = in_file(tmp_path, "\n".join([HEAD, *rows]))
    assert list(good) == ["b2"]
    assert "2010 cells where there are 10 columns" in bad["jobs.csv:2"]


@pytest.mark.timeout(20)
def test_a_row_of_too_few_cells_in_a_wide_table_is_read_in_a_moment(tmp_path):
    wide = f"{HEAD}{',' * 180}revision"
    short = ",".join(f"b1,B-1,{ACME},Crew,1,10.00".split(",") + ["z" * 500] * 90)
    rows = [f"b2,B-2,{ACME},Crew,1,10.00{',' * 180}", *[short] * 100]
    good, bad, _ = in_file(tmp_path, "\n".join([wide, *rows]))
    assert list(good) == ["b2"]
    assert "100 cells where there are 190 columns" in bad["jobs.csv:3"]


@pytest.mark.parametrize("name", ["a,b", "a,b,c,d,e,f"])
def test_an_id_that_its_own_commas_parted_is_found_again(tmp_path, name):
    rows = [f'"{name}",B-1,{ACME},Crew,1,10.00', f"{name},,{ACME},Crew,1,10.00", f"b2,B-2,{ACME},Crew,1,10.00"]
    good, bad, _ = in_file(tmp_path, "\n".join([HEAD, *rows]))
    assert list(good) == ["b2"]
    assert list(bad) == ["jobs.csv:2"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("count", [11, 190])
def test_unknown_columns_are_named_up_to_ten_and_the_rest_counted(tmp_path, count):
    names = ",".join(f"note {number}" for number in range(count))
    _, bad, _ = in_file(tmp_path, f"{HEAD},{names}\n")
    (said,) = bad.values()
    assert "Column note 0 is not known" in said
    assert ("column note 9 is not known" in said, "note 10 " in said) == (True, False)
    assert f"; and {count - 10} more" in said
    assert len(said) < 2_000


@pytest.mark.timeout(20)
def test_columns_that_may_be_meant_are_named_up_to_ten_and_the_rest_counted(tmp_path):
    names = ",".join(f"descriptio{number}" for number in range(150))
    _, bad, _ = in_file(tmp_path, f"{HEAD.replace('description', names)}\n")
    (said,) = bad.values()
    assert "for invoices: description. Column descriptio0 is not known; do you mean description?" in said
    assert said.count("do you mean") == 10
    assert "And 140 more columns are not known." in said


@pytest.mark.timeout(20)
@pytest.mark.parametrize("head", [HEAD, "what,ever"])
def test_a_table_of_very_many_columns_is_refused_in_a_moment(tmp_path, head):
    """A header of 2 MB took 45 seconds, for a sentence of 30 MB."""
    names = ",".join(f"quantity {number}" for number in range(150_000))
    _, bad, _ = in_file(tmp_path, f"{head},{names}\n")
    (said,) = bad.values()
    most = "This has 150,010 columns; a table of invoices has 200 at most." if head == HEAD else "150,002 columns"
    assert most in said
    assert len(said) < 500


def test_columns_that_stand_there_very_often_are_counted(tmp_path):
    _, bad, _ = in_file(tmp_path, f"{HEAD}{',quantity' * 150}\n")
    (said,) = bad.values()
    assert "Column quantity stands there more than once (columns 9, 11, 12, " in said
    assert " 18, 19 and 141 more)." in said
