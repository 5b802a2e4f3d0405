"""A file's address leads no way into our own network: by itself, by its name, or by where it leads on to."""

import pytest

from events.attachments import AttachmentProblem
from tests.attachments.files import a_file_server
from worker.attachments.fetching import Fetcher, NotFetched


def refused(url, *, private=False, most=100):
    with pytest.raises(NotFetched) as caught:
        Fetcher(private=private, seconds=5).fetch(url, most)
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "http://files.crewcard.example/a.pdf",
        "https://127.0.0.1/a.pdf",
        "https://169.254.169.254/latest",
        "https://[::1]/a.pdf",
        "https://user:secret@files.crewcard.example/a.pdf",
        "file:///etc/passwd",
        "https://files.crewcard.example/" + "x" * 4000,
        "https://[",
    ],
)
def test_an_address_that_is_not_out_on_the_internet_is_refused_for_good(url):
    found = refused(url)
    assert (found.problem, found.lasting) == (AttachmentProblem.LINK_NOT_ALLOWED, True)


def test_a_name_that_leads_to_a_private_address_is_never_connected_to(files):
    found = refused(f"https://localhost:{files.base.rpartition(':')[2]}/a.pdf")
    assert (found.problem, files.asked) == (AttachmentProblem.LINK_NOT_ALLOWED, [])
    assert "private address" in found.said


@pytest.mark.parametrize(
    "on", ["http://169.254.169.254/", "file:///etc/passwd", "https://user@here.test/", "http://["]
)
def test_a_redirect_is_checked_as_the_first_address_was(files, on):
    assert refused(files.put("a", on), private=True).problem is AttachmentProblem.LINK_NOT_ALLOWED


def test_a_redirect_within_what_is_allowed_is_followed_and_no_file_is_larger_than_it_may_be(files):
    files.put("b", b"x" * 100)
    assert Fetcher(private=True).fetch(files.put("a", "/b"), 100) == b"x" * 100
    assert refused(files.put("a", "/b"), private=True, most=99).problem is AttachmentProblem.TOO_LARGE


def test_who_is_not_there_or_shows_no_valid_certificate_is_asked_again(files):
    with a_file_server() as gone:
        pass
    assert refused(f"{gone.base}/a.pdf", private=True).lasting is False
    secured = files.base.replace("http://", "https://")
    assert refused(f"{secured}/a.pdf", private=True).lasting is False
