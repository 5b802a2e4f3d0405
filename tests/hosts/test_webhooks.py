"""Webhooks out: signed, tried thirteen times over three days, and no endpoint, event or clock holds back another."""

import json
import socket
import threading
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from standardwebhooks import Webhook, WebhookVerificationError

from store import endpoints, processes, sinks
from store.vault import Vault
from tests.builders import COMPANY, an_invoice, invoices
from tests.hosts import callback
from tests.hosts.conftest import deliver
from tests.machines import wait_for
from worker import pruner
from worker.decisions import turns
from worker.delivery import rounds
from worker.delivery.webhook_post import Poster, PostResult, PostTarget
from worker.delivery.webhooks import INSTALLATION, Watch, endpoint_health, with_work
from worker.settings import Settings

OTHER = "99999999-2222-4333-8444-555555555555"
NEW = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="


def outbox_ids(installation, company=None):
    events = installation.events()
    return sorted(event["id"] for event in events if company in (None, event["data"]["company"]))


def one(installation):
    (found,) = endpoint_health(installation.tools)
    return found


def choking_on(invoice):
    """An endpoint that never takes what is about this invoice."""

    def choke(handler):
        handler.send_response(500 if f'"invoice":"{invoice}"' in handler.body else 200)
        handler.end_headers()

    return choke


def test_every_event_is_delivered_once_and_the_signature_fits(telling, endpoint):
    telling.ask(*invoices(30))
    telling.run()
    deliver(telling)
    assert sorted(endpoint.ids) == outbox_ids(telling)
    for headers, body in endpoint.came:
        assert Webhook(callback.SECRET).verify(body, headers)["id"] == headers["webhook-id"]
    headers, body = endpoint.came[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(callback.SECRET).verify(body.replace("harbour", "harbeur"), headers)
    assert deliver(telling) == 0


def test_while_a_secret_is_exchanged_the_old_and_the_new_one_fit(make_installation, sqlite_url, endpoint):
    made = make_installation(
        sqlite_url,
        webhook_url=endpoint.url,
        webhook_secret=f"{NEW},{callback.SECRET}",
        webhook_private_addresses=True,
    )
    made.company()
    deliver(made)
    ((headers, body),) = endpoint.came
    for secret in (NEW, callback.SECRET):
        assert Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(
    ("how", "trouble"),
    [
        (500, "answered 500"),
        (404, "answered 404"),
        ("hang", "no answer within 0.5 seconds"),
        ("drip", "no answer within 0.5 seconds"),
        ("drop", "the call broke off (RemoteProtocolError)"),
    ],
)
def test_what_did_not_get_through_comes_again_as_it_was(telling, endpoint, how, trouble):
    endpoint.answer = getattr(endpoint, how) if isinstance(how, str) else how
    deliver(telling, Poster(private=True, seconds=0.5).post)
    assert one(telling).waiting == 1
    assert one(telling).trouble == trouble
    endpoint.let_go.set()
    endpoint.answer = 204
    deliver(telling)
    assert len(endpoint.came) == 1  # its time has not come
    telling.later(6)
    deliver(telling)
    (first, said), (second, again) = endpoint.came
    assert (first["webhook-id"], said) == (second["webhook-id"], again)
    assert (one(telling).waiting, one(telling).failures, one(telling).trouble) == (0, 0, "")


def test_a_redirect_is_not_followed(telling, endpoint, other_endpoint):
    endpoint.answer = endpoint.redirect_to(other_endpoint.url)
    deliver(telling)
    assert one(telling).trouble == "answered 302; redirects are not followed"
    assert other_endpoint.came == []


def test_an_answer_without_end_is_a_delivery_of_which_little_is_read(telling, endpoint):
    endpoint.answer = endpoint.pour
    deliver(telling)
    assert endpoint.poured < 50_000_000  # what sockets hold, and no more
    assert (one(telling).behind, one(telling).waiting) == (0, 0)


def test_an_event_the_host_chokes_on_does_not_hold_back_the_others(telling, endpoint):
    telling.ask(*invoices(20))
    telling.run()

    endpoint.answer = choking_on("i0007")
    deliver(telling)
    ends = {event["id"] for event in telling.events() if event["type"] == "invoice.export.completed"}
    assert set(endpoint.ids) == set(outbox_ids(telling)) - ends
    assert one(telling).waiting == 2  # the answer, and the end of its request that waits for it


def test_an_endpoint_that_is_down_rests_and_gets_everything_when_it_is_back(telling, endpoint):
    telling.ask(*invoices(40))
    telling.run()
    endpoint.answer = 503
    deliver(telling)
    assert len(endpoint.came) == turns.POSTS_AT_ONCE
    assert one(telling).rests_until
    for _ in range(20):
        telling.later(301)
        deliver(telling)
    assert len(endpoint.came) == turns.POSTS_AT_ONCE + 20  # one at a time
    endpoint.answer = 200
    for _ in range(4):
        telling.later(90_000)
        deliver(telling)
    assert set(endpoint.ids) == set(outbox_ids(telling))
    assert (one(telling).behind, one(telling).waiting, one(telling).given_up) == (0, 0, 0)


@pytest.mark.parametrize(("outage", "within"), [(12, 20), (40, 30), (300, 300)])
def test_after_an_outage_all_that_waited_is_there_soon(telling, endpoint, outage, within):
    """Both in seconds; clicks go on meanwhile."""
    endpoint.answer = 503
    for moment in range(12):
        telling.ask(an_invoice(f"click-{moment}"), request=f"click-{moment}")
        telling.run()
        deliver(telling)
        telling.later(outage / 12)
    endpoint.answer = 200
    for _ in range(10):
        telling.later(within / 10)
        deliver(telling)
    assert set(endpoint.ids) == set(outbox_ids(telling))
    assert (one(telling).behind, one(telling).waiting, one(telling).given_up) == (0, 0, 0)


@pytest.mark.parametrize("outage", [30, 3600])
def test_with_the_first_event_that_is_taken_all_that_waits_goes(telling, endpoint, outage):
    endpoint.answer = 503
    for moment in range(12):
        telling.ask(an_invoice(f"click-{moment}"), request=f"click-{moment}")
        telling.run()
        deliver(telling)
        telling.later(outage / 12)
    endpoint.answer = 200
    tried = len(endpoint.came)
    while len(endpoint.came) == tried:
        telling.later(1)
        deliver(telling)
    assert set(endpoint.ids[tried:]) == set(outbox_ids(telling))


def test_an_event_that_an_endpoint_never_takes_keeps_its_days(telling, endpoint):
    """It fails alone, and another event is taken right behind: that hastens it within its first minute only."""
    endpoint.answer = choking_on("never")
    telling.ask(an_invoice("never"), request="never")
    telling.run()
    start = telling.now()
    for number in range(30):
        deliver(telling)
        if one(telling).given_up:
            break
        telling.ask(an_invoice(f"i{number}"), request=f"r{number}")
        telling.run()
        deliver(telling)
        telling.later(4 * 3600)
    assert 2.5 < (telling.now() - start).total_seconds() / 86_400 < 4.5


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_says_how_long_to_stay_away_is_left_alone_so_long(telling, endpoint, status):
    def busy(handler):
        handler.send_response(status)
        handler.send_header("Retry-After", "600")
        handler.end_headers()

    endpoint.answer = busy
    deliver(telling)
    endpoint.answer = 200
    telling.later(590)
    deliver(telling)
    assert len(endpoint.came) == 1
    telling.later(11)
    deliver(telling)
    assert len(endpoint.came) == 2
    assert (one(telling).waiting, one(telling).failures, one(telling).trouble) == (0, 0, "")


@pytest.mark.parametrize(
    ("status", "said", "seconds"),
    [(429, "7", 7), (503, " 7 ", 7), (429, "999999999", 3600), (500, "7", 0), (429, "", 0), (429, "soon", 0)],
)
def test_an_hour_is_the_longest_an_endpoint_may_ask_for(status, said, seconds):
    assert turns.asked_wait(status, said) == seconds


def test_after_thirteen_tries_over_three_days_an_event_is_given_up_and_can_be_sent_again(telling, endpoint):
    endpoint.answer = 500
    start = telling.now()
    for _ in range(400):
        deliver(telling)
        if one(telling).given_up:
            break
        telling.later(3600)
    assert len(endpoint.came) == 13
    assert 2.5 < (telling.now() - start).total_seconds() / 86_400 < 4.5
    with telling.store.read() as work:
        (lost,) = sinks.given_up(work)
    assert (lost.type, lost.tries, lost.trouble) == ("xero.connection.connected", 13, "answered 500")
    endpoint.answer = 200
    telling.later(90_000)
    assert deliver(telling) == 0
    with telling.store.write() as work:
        assert sinks.retry(work, [lost.event_id]) == 1
    deliver(telling)
    assert len(set(endpoint.ids)) == 1
    assert (len(endpoint.came), one(telling).given_up, one(telling).waiting) == (14, 0, 0)


def test_an_endpoint_that_hangs_holds_back_no_other_and_not_the_stream(telling, endpoint, other_endpoint):
    endpoint.answer = endpoint.hang
    with telling.store.write() as work:
        endpoints.add_endpoint(work, telling.tools.vault, COMPANY, other_endpoint.url)
    telling.ask(*invoices(20))
    telling.run()
    telling.relay()
    webhooks = rounds.Webhooks(telling.tools, "clock", Poster(private=True, seconds=15).post)

    def all_came():
        webhooks.begin_rounds()
        return sorted(other_endpoint.ids) == outbox_ids(telling)

    wait_for(all_came)
    assert len(endpoint.came) == turns.POSTS_AT_ONCE  # and none of them was answered
    assert not endpoint.let_go.is_set()
    telling.ask(an_invoice("late"), request="late")
    telling.run()
    assert telling.relay() == 2 * 2  # stamped, and on the stream
    endpoint.let_go.set()
    webhooks.stop()


def test_a_company_with_an_endpoint_of_its_own_gets_its_own_events_from_then_on(telling, endpoint, other_endpoint):
    telling.company("pier", OTHER)
    telling.ask(an_invoice("before"), request="before")
    telling.run()
    deliver(telling)
    with telling.store.write() as work:
        made = endpoints.add_endpoint(work, telling.tools.vault, COMPANY, other_endpoint.url)
        assert endpoints.add_endpoint(work, telling.tools.vault, COMPANY, other_endpoint.url).id == made.id
    telling.ask(an_invoice("mine"), request="mine")
    telling.ask(an_invoice("theirs"), request="theirs", company="pier")
    telling.run()
    deliver(telling)
    assert {event["data"]["request"] for event in other_endpoint.events} == {"mine"}
    assert len(other_endpoint.came) == 2
    for headers, body in other_endpoint.came:
        assert Webhook(made.secret).verify(body, headers)
    assert sorted(endpoint.ids) == outbox_ids(telling)


def test_what_others_do_costs_an_endpoint_nothing_and_holds_no_event_back_from_pruning(telling, other_endpoint):
    """Its endpoint is not looked at for each of the others' events; the pruner takes it past them."""
    telling.company("quiet", OTHER)
    telling.relay()
    with telling.store.write() as work:
        endpoints.add_endpoint(work, telling.tools.vault, "quieter", "https://app.example.com/xero_webhook.php")
        made = endpoints.add_endpoint(work, telling.tools.vault, "quiet", other_endpoint.url)
        start = sinks.position(work, endpoints.door_of(made.id))
    telling.ask(*invoices(60))
    telling.run()
    telling.relay()
    assert [found.door for found in with_work(telling.tools)] == [INSTALLATION]
    deliver(telling)
    assert all(one.behind == 0 for one in endpoint_health(telling.tools))
    assert other_endpoint.came == []
    pruner.prune(telling.tools, "clock")
    with telling.store.read() as work:
        assert sinks.position(work, endpoints.door_of(made.id)) == sinks.newest(work) > start
    telling.ask(an_invoice("own"), request="own", company="quiet")
    telling.run()
    telling.relay()
    pruner.prune(telling.tools, "clock")  # its own events hold it where it is
    deliver(telling)
    assert [event["data"]["request"] for event in other_endpoint.events] == ["own", "own"]


def test_a_clock_that_watches_looks_only_at_endpoints_with_news_and_at_all_of_them_now_and_then(
    telling, other_endpoint
):
    telling.company("quiet", OTHER)
    telling.relay()
    with telling.store.write() as work:
        endpoints.add_endpoint(work, telling.tools.vault, "quiet", other_endpoint.url)
    watch = Watch()
    with_work(telling.tools, watch)  # the first look is at all of them
    telling.ask(an_invoice("own"), request="own", company="quiet")
    telling.run()
    telling.relay()
    assert [found.company for found in with_work(telling.tools, watch)] == [None, "quiet"]
    # Another clock took it up and was killed: nothing is new to this one until it looks at all of them.
    assert [found.company for found in with_work(telling.tools, watch)] == [None]
    telling.later(11)
    assert [found.company for found in with_work(telling.tools, watch)] == [None, "quiet"]


def test_a_clock_comes_back_to_an_endpoint_that_rested_without_looking_at_all_of_them(telling, other_endpoint):
    watch = Watch()
    telling.relay()
    with telling.store.write() as work:
        made = endpoints.add_endpoint(work, telling.tools.vault, COMPANY, other_endpoint.url)
    with_work(telling.tools, watch)
    telling.ask(an_invoice())
    telling.run()
    telling.relay()
    with telling.store.write() as work:
        sinks.doing(work, endpoints.door_of(made.id), failures=8, wait=5, trouble="answered 500")
    assert [found.company for found in with_work(telling.tools, watch)] == [None]
    telling.later(6)
    assert [found.company for found in with_work(telling.tools, watch)] == [None, COMPANY]


def test_an_endpoint_that_is_only_far_away_gets_more_at_once(telling, endpoint):
    """Its answers take a moment, however many it gives at once; each event comes once."""

    def slow(handler):
        with far:
            away.append(1)
            most.append(len(away))
        let_go.wait(0.05)
        with far:
            away.pop()
        handler.send_response(200)
        handler.end_headers()

    far, away, most, let_go = threading.Lock(), [], [], threading.Event()
    endpoint.answer = slow
    telling.ask(*invoices(300))
    telling.run()
    telling.relay()
    webhooks = rounds.Webhooks(telling.tools, "clock", Poster(private=True, seconds=15).post)

    def all_came():
        webhooks.begin_rounds()
        return len(endpoint.came) >= len(outbox_ids(telling))

    wait_for(all_came)
    webhooks.stop()
    assert max(most) > turns.POSTS_AT_ONCE
    assert sorted(endpoint.ids) == outbox_ids(telling)


def test_an_endpoint_whose_secret_no_key_opens_gets_nothing_and_holds_back_nobody(telling, endpoint, other_endpoint):
    strange = Vault([Fernet.generate_key().decode()])
    with telling.store.write() as work:
        endpoints.add_endpoint(work, strange, COMPANY, other_endpoint.url)
    telling.ask(an_invoice())
    telling.run()
    deliver(telling)
    assert other_endpoint.came == []
    assert sorted(endpoint.ids) == outbox_ids(telling)


def test_two_clocks_do_not_both_deliver_and_the_second_takes_over_when_the_first_is_gone(telling, endpoint):
    deliver(telling, holder="first")
    telling.ask(an_invoice())
    telling.run()
    assert deliver(telling, holder="second") == 0
    telling.later(61)
    deliver(telling, holder="second")
    assert sorted(endpoint.ids) == outbox_ids(telling)


def test_a_clock_that_is_told_to_stop_leaves_the_endpoint_to_the_next_one(telling, endpoint):
    telling.relay()
    webhooks = rounds.Webhooks(telling.tools, "first", Poster(private=True).post)
    assert webhooks.begin_rounds() == 1
    wait_for(lambda: endpoint.came)
    webhooks.stop()
    telling.ask(an_invoice())
    telling.run()
    deliver(telling, holder="second")
    assert sorted(endpoint.ids) == outbox_ids(telling)


@pytest.fixture
def two_clocks(telling, other_endpoint, monkeypatch):
    """Both with their share of the endpoints, and seven companies' endpoints with an event for each."""
    monkeypatch.setattr(rounds, "SHARDS_SECONDS", 3600.0)  # however slow this machine is
    with telling.store.write() as work:
        for number in range(2, 9):
            endpoints.add_endpoint(work, telling.tools.vault, f"company-{number}", other_endpoint.url)
        work.connection.exec_driver_sql("UPDATE endpoints SET id = company")  # no dice: the shard is a hash of it

    def elapsed():
        return telling.offset.total_seconds()  # another offset after each `later`

    tools = replace(telling.tools, elapsed=elapsed)
    clocks = {name: rounds.Webhooks(tools, name, Poster(private=True).post) for name in ("first", "second")}
    for name in ("first", "second", "first", "second"):
        clocks[name].begin_rounds()
        telling.later(rounds.SHARDS_SECONDS / 3)
    for number in range(2, 9):
        telling.company(f"company-{number}", f"{number}1111111-2222-4333-8444-555555555555")
        telling.ask(an_invoice(f"i-{number}"), company=f"company-{number}", request=f"r-{number}")
    telling.run()
    telling.relay()
    return clocks


def those_of_companies(telling):
    return sorted(one for number in range(2, 9) for one in outbox_ids(telling, f"company-{number}"))


def test_two_clocks_share_the_endpoints_and_each_event_comes_once(telling, other_endpoint, two_clocks):
    wanted = those_of_companies(telling)
    begun = {name: clock.begin_rounds() for name, clock in two_clocks.items()}
    assert sum(begun.values()) == 8, "the installation's own and seven companies'"
    assert min(begun.values()) > 0
    wait_for(lambda: len(other_endpoint.ids) >= len(wanted))
    for clock in two_clocks.values():
        clock.stop()
    assert sorted(other_endpoint.ids) == wanted


def test_the_endpoints_of_a_killed_clock_are_taken_over_once_its_lease_is_over(telling, other_endpoint, two_clocks):
    wanted, second = those_of_companies(telling), two_clocks["second"]
    second.begin_rounds()
    wait_for(lambda: other_endpoint.ids)
    telling.later(rounds.SHARDS_SECONDS / 6)
    second.begin_rounds()
    assert len(other_endpoint.ids) < len(wanted), "the first one, which is dead by now, has the others"
    telling.later(rounds.SHARDS_SECONDS)

    def all_came():
        second.begin_rounds()
        return len(other_endpoint.ids) >= len(wanted)

    wait_for(all_came)
    second.stop()
    assert sorted(other_endpoint.ids) == wanted


def test_an_endpoint_that_another_clock_is_still_at_is_asked_for_until_that_one_leaves_it(
    telling, other_endpoint, monkeypatch
):
    monkeypatch.setattr("worker.delivery.webhooks._WHOLE_LOOK_SECONDS", 3600.0)  # it does not wait for that
    telling.relay()
    with telling.store.write() as work:
        made = endpoints.add_endpoint(work, telling.tools.vault, COMPANY, other_endpoint.url)
        assert processes.take_duty(work, endpoints.door_of(made.id), "older release", 3600)
    telling.ask(an_invoice())
    telling.run()
    telling.relay()
    wanted = telling.events()[-1]["id"]
    clock = rounds.Webhooks(telling.tools, "clock", Poster(private=True).post)
    clock.begin_rounds()
    wait_for(lambda: not clock._busy)
    clock.begin_rounds()
    assert other_endpoint.came == []
    with telling.store.write() as work:
        processes.leave_duty(work, endpoints.door_of(made.id), "older release")

    def it_came():
        clock.begin_rounds()
        return wanted in other_endpoint.ids

    wait_for(it_came)
    clock.stop()


def test_an_endpoint_that_is_down_rests_no_longer_for_having_taken_much_at_once(telling, endpoint):
    wide = turns.RoundSize(turns.MOST_POSTS_AT_ONCE)
    endpoint.answer = 500
    telling.ask(*invoices(80))
    telling.run()
    telling.relay()
    (found,) = with_work(telling.tools)
    rounds.deliver(telling.tools, "clock", found, Poster(private=True).post, wide)
    assert len(endpoint.came) == turns.MOST_POSTS_AT_ONCE
    telling.later(16)
    assert [one.door for one in with_work(telling.tools)] == [INSTALLATION]


@pytest.fixture
def batching(make_installation, database_url, endpoint):
    """An installation whose host takes up to twenty events in a POST."""
    made = make_installation(
        database_url,
        webhook_url=endpoint.url,
        webhook_secret=(callback.SECRET,),
        webhook_private_addresses=True,
        webhook_batch=20,
    )
    made.company()
    return made


def test_a_host_that_asks_for_it_gets_many_events_in_a_post_signed_as_a_whole(batching, endpoint):
    batching.ask(*invoices(50))
    batching.run()
    deliver(batching)
    told = [event for array in endpoint.events for event in array]
    assert sorted(event["id"] for event in told) == outbox_ids(batching)
    assert max(len(array) for array in endpoint.events) == 20
    assert len(set(endpoint.ids)) == len(endpoint.ids)
    for headers, body in endpoint.came:
        assert headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
        assert Webhook(callback.SECRET).verify(body, headers)
    assert told[-1]["type"] == "invoice.export.completed"


def test_an_event_that_a_host_never_takes_holds_back_no_other_of_its_batch(batching, endpoint):
    """What was not taken goes again, each event in an array of its own."""
    endpoint.answer = choking_on("i0007")
    batching.ask(*invoices(30))
    batching.run()
    deliver(batching)
    for _ in range(4):
        batching.later(20)
        deliver(batching)
    taken = {event["id"] for array in endpoint.events if "i0007" not in str(array) for event in array}
    waits = [event for event in batching.events() if event["id"] not in taken]
    assert sorted(event["type"] for event in waits) == ["invoice.export.completed", "invoice.export.succeeded"]
    assert [event["data"]["invoice"] for event in waits if "invoice" in event["data"]] == ["i0007"]


def test_a_clock_that_was_away_too_long_keeps_nothing(telling, endpoint):
    """Its lease went to another meanwhile, who says the same again: late words change nothing."""

    def suspended(*words):
        telling.later(61)
        with telling.store.write() as work:
            assert processes.take_duty(work, INSTALLATION, "second", 60)
        return PostResult("answered 500")

    telling.relay()
    (found,) = with_work(telling.tools)
    assert not rounds.deliver(telling.tools, "first", found, suspended).more
    assert (one(telling).waiting, one(telling).failures) == (0, 0)
    deliver(telling, holder="second")
    assert len(endpoint.came) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_private_address_is_not_called_unless_a_setting_allows_it(endpoint, host):
    url = endpoint.url.replace("127.0.0.1", host)
    missed = Poster(private=False, seconds=5).post(PostTarget("d", url, None, (callback.SECRET,)), "e", "{}")
    assert missed.trouble.startswith("leads to the private address ")
    assert missed.trouble.endswith("WEBHOOK_PRIVATE_ADDRESSES=true allows it")
    assert endpoint.came == []


def test_a_name_that_leads_nowhere_and_a_port_nobody_listens_on_cannot_be_reached():
    for url in ("http://nowhere.invalid/", "http://127.0.0.1:1/"):
        nowhere = PostTarget("d", url, None, (callback.SECRET,))
        assert Poster(private=True, seconds=5).post(nowhere, "e", "{}").trouble == "cannot be reached"


def test_a_name_that_nobody_looks_up_holds_a_call_no_longer_than_its_time(monkeypatch):
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: let_go.wait(60))
    unknown = PostTarget("d", "http://silent.example/", None, (callback.SECRET,))
    assert Poster(private=True, seconds=0.5).post(unknown, "e", "{}").trouble == "no answer within 0.5 seconds"
    let_go.set()


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        ({"webhook_url": "http://app.example.com/", "webhook_secret": NEW}, "must begin with https://"),
        ({"webhook_url": "https://10.0.0.1/", "webhook_secret": NEW}, "10.0.0.1 is a private address"),
        ({"webhook_url": "https://me:word@app.example.com/", "webhook_secret": NEW}, "user or password"),
        ({"webhook_url": "app.example.com", "webhook_secret": NEW}, "must be an address like"),
        ({"webhook_url": "https://app.example.com/"}, "needs a WEBHOOK_SECRET"),
        ({"webhook_url": "https://app.example.com/", "webhook_secret": "secret"}, "whsec_ and base64"),
    ],
)
def test_settings_that_cannot_work_are_named_at_start_up(chosen, problem):
    with pytest.raises(ValueError, match=problem) as told:
        Settings(_env_file=None, encryption_keys=Fernet.generate_key().decode(), **chosen)
    assert chosen["webhook_url"].startswith("https://me") or "word@" not in str(told.value)


ANSWERS = ("invoice.export.succeeded", "invoice.export.failed")


def as_it_came(endpoint):
    """Type and request of each answer and end, in the order in which they came."""
    of_requests = (*ANSWERS, "invoice.export.completed")
    return [(one["type"], one["data"]["request"]) for one in endpoint.events if one["type"] in of_requests]


@pytest.mark.parametrize("clicks", [60, pytest.param(1000, marks=pytest.mark.thorough)])
def test_the_end_of_a_click_never_overtakes_its_answer(telling, endpoint, clicks):
    ended, taken, overtook = set(), set(), []
    news = threading.Condition()

    def take(handler):
        event = json.loads(handler.body)
        request = event["data"].get("request")
        with news:
            if event["type"] == "invoice.export.completed":
                ended.add(request)
                overtook.extend({request} - taken)
                news.notify_all()
            elif event["type"] in ANSWERS:
                news.wait_for(lambda: request in ended, 0.02)  # room for an end that does not wait
                taken.add(request)
        handler.send_response(200)
        handler.end_headers()

    endpoint.answer = take
    for number in range(clicks):
        telling.ask(an_invoice(f"i{number}", number=f"INV-{number:05}"), request=f"click-{number}")
    telling.settle_down(2)
    deliver(telling, most=10_000)
    assert overtook == []
    assert ended == taken == {f"click-{number}" for number in range(clicks)}


def test_the_end_of_a_request_waits_until_its_last_answer_was_taken(telling, endpoint):
    telling.ask(*invoices(12), request="slow")
    telling.ask(an_invoice("x", number="X-1"), request="quick")
    telling.run()

    endpoint.answer = choking_on("i0007")
    deliver(telling)
    end = ("invoice.export.completed", "slow")
    assert end not in as_it_came(endpoint)
    assert ("invoice.export.completed", "quick") in as_it_came(endpoint)
    assert with_work(telling.tools) == []  # nothing is asked again and again meanwhile
    endpoint.answer = 200
    telling.later(6)
    deliver(telling)
    assert as_it_came(endpoint)[-1] == end
    assert as_it_came(endpoint).count(end) == 1
    assert one(telling).waiting == 0


def test_an_answer_that_is_given_up_lets_the_end_of_its_request_go(telling, endpoint):
    telling.ask(*invoices(3), request="slow")
    telling.run()

    endpoint.answer = choking_on("i0001")
    for _ in range(14):
        deliver(telling)
        telling.later(90_000)
    deliver(telling)
    assert one(telling).given_up == 1
    assert ("invoice.export.completed", "slow") in as_it_came(endpoint)
