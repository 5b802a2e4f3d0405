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
