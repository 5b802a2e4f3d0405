"""Which contact a pasted text names: every form of facts §5.1, whole and mangled, and nothing else."""

import uuid
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contacts import NotAContact
from xero_adapter import links

GUID = "5b96e86b-418e-48e8-8949-308c14aec278"
ADDRESSES = (
    "https://go.xero.com/app/!{code}/contacts/contact/{id}",
    "https://go.xero.com/Contacts/View/{id}",
    "https://go.xero.com/Contacts/View.aspx?contactID={id}",
    "https://go.xero.com/organisationlogin/default.aspx?shortcode=!{code}&redirecturl=/Contacts/View/{id}",
    "https://go.xero.com/organisationlogin/default.aspx?shortcode=!{code}&redirecturl=%2FContacts%2FView%2F{id}",
)
NAMES_ITS_ORGANISATION = (ADDRESSES[0], *ADDRESSES[3:])
ids = st.uuids(version=4).map(str)
codes = st.from_regex(r"[A-Za-z0-9]{2,6}!{0,2}", fullmatch=True)

# What happens to an address on its way through mail programs, spreadsheets and fingers.
MANGLINGS = {
    "as it is": lambda text: text,
    "spaces around": lambda text: f"  {text}\n",
    "upper case": str.upper,
    "no-break spaces and a mark": lambda text: f"\u00a0{text}\ufeff",
    "zero-width signs within": lambda text: "\u200b".join((text[:20], text[20:])),
    "in angle brackets": lambda text: f"<{text}>",
    "in quotes": lambda text: f"“{text}”",
    "with a full stop": lambda text: f"{text}.",
    "with a slash": lambda text: f"{text}/",
    "with a fragment": lambda text: f"{text}#history",
    "encoded whole": lambda text: quote(text, safe=""),
    "encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "typographic dashes": lambda text: text.replace("-", "\u2011"),
    "long dashes": lambda text: text.replace("-", "\u2013"),
    "without a scheme": lambda text: text.removeprefix("https://"),
    "words before": lambda text: f"ACME Ltd: {text}",
    "said twice": lambda text: f"{text} {text}",
    "broken over two lines": lambda text: f"{text[:-20]}\n{text[-20:]}",
    "without hyphens": lambda text: text[:-36] + text[-36:].replace("-", "") if len(text) > 36 else text,
}


@given(ids, codes, st.sampled_from(ADDRESSES), st.sampled_from(sorted(MANGLINGS)))
def test_every_form_of_address_however_mangled_names_its_contact(id_, code, address, mangling):
    text = MANGLINGS[mangling](address.format(code=code, id=id_))
    assert links.parse_pasted(text).contact_id == id_


@given(ids, codes, st.sampled_from(NAMES_ITS_ORGANISATION))
def test_the_short_code_is_read_with_all_its_exclamation_marks(id_, code, address):
    assert links.parse_pasted(address.format(code=code, id=id_)).short_code == f"!{code}"
    assert links.parse_pasted(quote(address.format(code=code, id=id_), safe=":/?=&")).short_code == f"!{code}"


@pytest.mark.parametrize("form", ["{}", "{{{}}}", "({})", "[{}]", " {} ", "ContactID: {}", "'{}'"])
@given(ids)
def test_the_bare_id_is_enough(form, id_):
    text = form.format(id_)
    assert links.parse_pasted(text).contact_id == links.parse_pasted(text.upper()).contact_id == id_
    assert links.parse_pasted(id_.replace("-", "")).contact_id == id_


@given(ids, codes)
def test_a_link_of_ours_names_its_contact(id_, code):
    assert links.parse_pasted(links.contact_link(f"!{code}", id_)).contact_id == id_
    assert links.parse_pasted(links.contact_link("", id_)).contact_id == id_


OTHERS = {
    "https://go.xero.com/app/!AbC1/invoicing/view/{}": "not_of_a_contact",
    "https://go.xero.com/app/!AbC1/invoicing/edit/{}": "not_of_a_contact",
    "https://go.xero.com/AccountsReceivable/View.aspx?InvoiceID={}": "not_of_a_contact",
    "https://go.xero.com/organisationlogin/default.aspx?shortcode=!A&redirecturl=/AccountsReceivable/Edit.aspx"
    "?InvoiceID={}": "not_of_a_contact",
    "https://go.xero.com/AccountsPayable/View.aspx?invoiceID={}": "not_of_a_contact",
    "https://go.xero.com/Bank/ViewTransaction.aspx?bankTransactionID={}": "not_of_a_contact",
    "https://go.xero.com/app/!AbC1/quotes/view/{}": "not_of_a_contact",
    "https://go.xero.com/app/!AbC1/contacts": "list_of_contacts",
    "https://go.xero.com/Contacts/Search?contactGroup=1": "list_of_contacts",
    "https://go.xero.com/app/!AbC1/dashboard": "not_of_a_contact",
    "https://xero.com.example.org/Contacts/View/{}": "not_xeros",
    "https://notxero.com/Contacts/View/{}": "not_xeros",
    "https://app.crewcard.example/clients/{}": "not_xeros",
    "ACME Ltd": "no_id",
    "anna@example.com": "no_id",
    "": "no_id",
    "C-00017": "no_id",
    "00000000-0000-0000-0000-000000000000": "no_id",
    "5b96e86b-418e-48e8-8949-308c14aec27": "no_id",
    "5b96e86b-418e-48e8-8949-308c14aec2780": "no_id",
    "https://[": "no_id",
    "{} aaaaaaaa-0000-4000-8000-000000000001": "several",
}


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("turn", [str, str.upper, lambda text: quote(text, safe="")])
def test_anything_else_is_refused_with_what_it_is_and_what_to_paste(text, turn):
    with pytest.raises(NotAContact) as refused:
        links.parse_pasted(turn(text.format(GUID)))
    problem, facts = refused.value.problem, refused.value.facts
    assert problem.code == OTHERS[text]
    said = f"{problem.message(facts)} {problem.remedy(facts)}"
    assert "contact" in said
    assert "{" not in said
    assert len(said) <= 300
    assert links.contact_id(turn(text.format(GUID))) is None


@given(st.text(max_size=300))
def test_no_text_at_all_breaks_it(text):
    try:
        found = links.parse_pasted(text)
    except NotAContact as refused:
        assert refused.problem.message(refused.facts)
    else:
        assert str(uuid.UUID(found.contact_id)) == found.contact_id


@given(ids, st.text(alphabet="0123456789abcdef", min_size=1, max_size=12))
def test_an_id_with_something_grown_onto_it_is_no_id(id_, more):
    for text in (f"{id_}{more}", f"{more}{id_}"):
        assert links.contact_id(text) is None
