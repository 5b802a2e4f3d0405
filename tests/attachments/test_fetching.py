"""A file's address leads no way into our own network: by itself, by its name, or by where it leads on to."""

import socket

import pytest

from events.attachments import AttachmentProblem
from tests.attachments.files import a_file_server
from worker.attachments.fetching import Fetcher, NotFetched
from worker.delivery import webhook_post


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


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_a_name_that_cannot_be_one_is_told_as_such(host):
    found = refused(f"https://{host}/a.pdf")
    assert (found.problem, found.said) == (AttachmentProblem.NOT_FETCHED, "it cannot be reached")


def test_a_name_that_leads_elsewhere_at_each_look_is_asked_once_and_only_what_it_said_is_connected_to(
    files, monkeypatch
):
    """DNS that answers with a public address first and with one of ours when it counts."""
    port = int(files.base.rpartition(":")[2])
    asked, resolver = [], socket.getaddrinfo

    def answers(name, *args, **other):
        if name != "files.example":
            return resolver(name, *args, **other)
        asked.append(name)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    files.put("a", b"it")
    files.put("b", "/a")
    monkeypatch.setattr(webhook_post.socket, "getaddrinfo", answers)
    found = refused(f"http://files.example:{port}/b", private=True)
    assert found.problem is AttachmentProblem.LINK_NOT_ALLOWED, "where it leads on is looked up anew"
    assert (files.asked, len(asked)) == (["/b"], 2)


def raw(said, *, end=True):
    """An answer as its server writes it, byte by byte."""

    def write(handler):
        handler.wfile.write(said)
        handler.close_connection = end

    return write


def test_what_a_server_says_too_much_is_no_other_files_beginning(files):
    other = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    url = files.put("a", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nit" + other, end=False))
    mine = files.put("b", b"mine")
    fetcher = Fetcher(private=True)
    assert [fetcher.fetch(one, 100) for one in (url, mine)] == [b"it", b"mine"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"Content-Length: 9\r\n\r\nshort", AttachmentProblem.NOT_FETCHED),
        (b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", AttachmentProblem.LINK_REFUSED),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"64\r\n" + b"x" * 100 + b"\r\n" + b"1\r\nx\r\n", "too_large"),
        (b"X: " + b"y" * 200_000 + b"\r\n\r\n", AttachmentProblem.NOT_FETCHED),
    ],
)
def test_what_breaks_off_comes_packed_or_never_ends_is_no_file(files, said, problem):
    found = refused(files.put("a", raw(b"HTTP/1.1 200 OK\r\n" + said)), private=True)
    assert found.problem is (AttachmentProblem.TOO_LARGE if problem == "too_large" else problem)


def test_who_is_not_there_or_shows_no_valid_certificate_is_asked_again(files):
    with a_file_server() as gone:
        pass
    assert refused(f"{gone.base}/a.pdf", private=True).lasting is False
    secured = files.base.replace("http://", "https://")
    assert refused(f"{secured}/a.pdf", private=True).lasting is False
