"""Autotask's answers, by whom they concern and what to do next."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.canned_transport import SAMPLES, answer, sample
from timus_autotask.autotask.answers import (
    LONGEST_PAUSE_SECONDS,
    THROTTLE_SECONDS,
    Answer,
    Effect,
    FailedRequest,
    Subject,
    concluded,
    not_believed,
    retry_after,
    unanswered,
    understood,
)
from timus_autotask.autotask.http import NoAnswer, NotSent, Response
from timus_autotask.ports.errors import (
    AutotaskError,
    CredentialsRefused,
    OutcomeUnknown,
    Refused,
    Rejected,
    RetryLater,
)

Meaning = type[AutotaskError] | None

# What each recorded answer means to a write that must not be repeated, and to a read, where other reads are accepted.
RECORDED: dict[str, tuple[Meaning, Meaning]] = {
    "adjustment-accepted": (None, None),
    "adjustment-answered-by-a-page": (OutcomeUnknown, RetryLater),
    "adjustment-below-zero": (Refused, Refused),
    "adjustment-day-taken": (Refused, Refused),
    "adjustment-fault-empty": (OutcomeUnknown, RetryLater),
    "adjustment-fault-html": (OutcomeUnknown, RetryLater),
    "adjustment-outside-contract": (Refused, Refused),
    "adjustment-truncated": (OutcomeUnknown, RetryLater),
    "billing-items": (None, None),
    "companies": (None, None),
    "contract": (None, None),
    "contract-extended": (None, None),
    "credentials-refused": (Refused, Refused),
    "internal-location": (None, None),
    "login-refused-message": (Refused, Refused),
    "login-refused-page": (Refused, Refused),
    "method-not-allowed": (Refused, Refused),
    "moved": (OutcomeUnknown, RetryLater),
    "not-found": (Refused, Refused),
    "permission-missing-401": (Refused, Refused),
    "permission-missing-403": (Refused, Refused),
    "permission-missing-create": (Refused, Refused),
    "permission-missing-query": (Refused, Refused),
    "permissions": (None, None),
    "permissions-adjustments": (None, None),
    "permissions-no-adjustments": (None, None),
    "permissions-some-contracts": (None, None),
    "query-max-records": (Refused, Refused),
    "query-or-terms": (Refused, Refused),
    "query-unknown-field": (Refused, Refused),
    "requests-exceeded": (RetryLater, RetryLater),
    "service-unavailable": (OutcomeUnknown, RetryLater),
    "services-without-costs": (None, None),
    "threads-exceeded": (RetryLater, RetryLater),
    "threshold": (None, None),
    "threshold-refused": (Refused, Refused),
    "tracking-identifier-refused": (CredentialsRefused, CredentialsRefused),
    "unexpected-error": (OutcomeUnknown, RetryLater),
    "units": (None, None),
    "user-blocked-403": (Refused, Refused),
    "user-blocked-404": (Refused, Refused),
    "user-locked": (CredentialsRefused, CredentialsRefused),
    "user-refused": (Refused, Refused),
    "user-unknown": (Refused, Refused),
    "value-of-another-type": (Refused, Refused),
    "zone": (None, None),
    "zone-away-503": (OutcomeUnknown, RetryLater),
    "zone-elsewhere": (None, None),
    "zone-page-404": (Refused, Refused),
    "zone-refused-401": (Refused, Refused),
    "zone-without-address": (None, None),
}

# Every status without a body that explains anything.
STATUSES: dict[int, tuple[Meaning, Meaning]] = {
    **dict.fromkeys([300, 301, 302, 303, 304, 307, 308, 399], (OutcomeUnknown, RetryLater)),
    **dict.fromkeys([400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 499], (Refused, Refused)),
    **dict.fromkeys([429], (RetryLater, RetryLater)),
    **dict.fromkeys([408, 500, 501, 502, 503, 504, 599], (OutcomeUnknown, RetryLater)),
    **dict.fromkeys([100, 200, 201, 202, 204, 299, 600, 999], (OutcomeUnknown, RetryLater)),
}


def decipher(
    response: Response,
    expected: tuple[str, ...],
    *,
    repeatable: bool,
    essential: bool = False,
    everybody: FailedRequest | None = None,
) -> Answer:
    """The accepted answer; raises the error that another one is read as. ``everybody`` is what other reads meet."""
    found = understood(response, expected, essential=essential)
    if isinstance(found, FailedRequest):
        raise concluded(found, lambda: everybody, repeatable=repeatable)
    return found


def meaning(response: Response, *, repeatable: bool, expected: tuple[str, ...] = (), **more: Any) -> Meaning:
    """The error that an answer is read as; None when it is accepted."""
    try:
        decipher(response, expected, repeatable=repeatable, **more)
    except AutotaskError as error:
        return type(error)
    return None


def failed(case: str | Response) -> FailedRequest:
    """What a recorded answer tells by itself, given to the read that every change needs."""
    response = sample(case) if isinstance(case, str) else case
    found = understood(response, ("items",), essential=True)
    assert isinstance(found, FailedRequest)
    return found


def refusal(response: Response) -> Refused:
    """The refusal that an answer is read as."""
    with pytest.raises(Refused) as raised:
        decipher(response, (), repeatable=False)
    return raised.value


def test_every_recorded_answer_is_listed() -> None:
    """A new sample must say what it means."""
    assert {path.name for path in SAMPLES.iterdir()} == set(RECORDED)


@pytest.mark.parametrize("case", RECORDED)
def test_recorded_answers(case: str) -> None:
    """Each recorded answer leads to its next action, for writes and for reads."""
    response = sample(case)
    assert (meaning(response, repeatable=False), meaning(response, repeatable=True)) == RECORDED[case]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"[]", b"null", b'"text"', b"\xff", b"{}", b"NaN"])
def test_bare_statuses(status: int, body: bytes) -> None:
    """A body without words leaves the decision to the status."""
    response = Response(status, {}, body)
    expected = ("itemId",)
    found = tuple(meaning(response, repeatable=r, expected=expected) for r in (False, True))
    assert found == STATUSES[status]


@given(status=st.integers(100, 999), body=st.binary() | st.text().map(str.encode), repeatable=st.booleans())
def test_no_answer_breaks_the_reader(status: int, body: bytes, repeatable: bool) -> None:
    """Whatever comes back, it is an object or an AutotaskError; a repeatable request never has an unknown outcome."""
    found = meaning(Response(status, {}, body), repeatable=repeatable)
    assert found is not OutcomeUnknown or not repeatable


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"itemId":1e99999999999999999999}'])
def test_json_beyond_reason_is_no_answer(body: bytes) -> None:
    """Nesting and numbers that break a parser are unreadable answers, not crashes."""
    assert meaning(Response(200, {}, body), repeatable=False) is OutcomeUnknown


def test_accepted_needs_what_was_expected() -> None:
    """A 200 of another shape tells nothing about a write."""
    assert decipher(answer({"itemId": None}), ("itemId",), repeatable=False) == {"itemId": None}
    assert meaning(answer({"Message": "x"}), repeatable=False, expected=("itemId",)) is OutcomeUnknown
    assert meaning(answer({"items": []}), repeatable=True, expected=("items", "pageDetails")) is RetryLater


def test_accepted_has_no_errors() -> None:
    """Errors under status 200 leave open what happened; an empty list of them is none."""
    mixed = answer({"itemId": None, "errors": ["half done"]})
    with pytest.raises(OutcomeUnknown, match=r"^half done$"):
        decipher(mixed, ("itemId",), repeatable=False)
    assert meaning(answer({"itemId": 5, "errors": []}), repeatable=False, expected=("itemId",)) is None


def test_only_status_200_accepts() -> None:
    """Autotask answers 200 to creations, never 201; anything else is not known."""
    assert meaning(answer({"itemId": 5}, 201), repeatable=False, expected=("itemId",)) is OutcomeUnknown


def test_money_is_never_float() -> None:
    """Fractions are exact decimals."""
    price = decipher(Response(200, {}, b'{"price": 254.1000}'), (), repeatable=True)["price"]
    assert (str(price), type(price)) == ("254.1000", Decimal)


def test_byte_order_mark_is_no_fault() -> None:
    """JSON after a UTF-8 byte order mark is JSON."""
    assert decipher(Response(200, {}, b'\xef\xbb\xbf{"itemId":1}'), ("itemId",), repeatable=False) == {
        "itemId": 1
    }


def test_refusals_carry_autotasks_own_words() -> None:
    """Every text of ``errors`` reaches the person who must act."""
    refused = refusal(answer({"errors": ["one", "two"]}, 500))
    assert (refused.messages, refused.status, str(refused)) == (("one", "two"), 500, "one; two")
    assert refusal(answer({"errors": ["no"]}, 404)).messages == ("no",)


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response(404, {}, b"<html>"), "Autotask answered 404 (Not Found): no explanation"),
        (answer({"Message": "Use POST."}, 405), "Autotask answered 405 (Method Not Allowed): Use POST."),
        (answer({"Message": ""}, 400), "Autotask answered 400 (Bad Request): no explanation"),
        (answer({"Message": {}}, 415), "Autotask answered 415 (Unsupported Media Type): no explanation"),
        (Response(499, {}, b""), "Autotask answered 499 (unknown status): no explanation"),
        (answer({"errors": "x"}, 400), "Autotask answered 400 (Bad Request): no explanation"),
        (answer({"errors": []}, 400), "Autotask answered 400 (Bad Request): no explanation"),
    ],
)
def test_plain_words_where_autotask_has_none(response: Response, words: str) -> None:
    """A refusal always says something."""
    assert refusal(response).messages == (words,)


def test_words_are_bounded() -> None:
    """Words are kept in the table and read by people, so there are not too many."""
    words = refusal(answer({"errors": ["x" * 501] * 11}, 500)).messages
    assert words == ("x" * 500,) * 10
    assert (
        len(refusal(answer({"Message": "x" * 501}, 400)).messages[0])
        == len("Autotask answered 400 (Bad Request): ") + 500
    )


def test_an_unexpected_error_is_a_fault() -> None:
    """Autotask says so in an errors list, as it says what it refuses; a fault may strike after the commit."""
    told = sample("unexpected-error")
    with pytest.raises(OutcomeUnknown, match="reference Error ID: 54634"):
        decipher(told, ("itemId",), repeatable=False)
    assert meaning(told, repeatable=True) is RetryLater


def test_500_without_words_is_a_fault() -> None:
    """Only an errors list makes a 500 a refusal; a fault may strike after the commit."""
    assert meaning(answer({"errors": []}, 500), repeatable=False) is OutcomeUnknown
    assert meaning(answer({"errors": "x"}, 500), repeatable=False) is OutcomeUnknown


# -- Whom a failure concerns

# What each recorded answer means where every request gets it: to a write that must not be repeated, and to a read.
EVERYWHERE: dict[str, tuple[Meaning, Meaning, Rejected | None]] = {
    "credentials-refused": (CredentialsRefused, CredentialsRefused, Rejected.SECRET),
    "method-not-allowed": (OutcomeUnknown, CredentialsRefused, Rejected.UNSAID),
    "moved": (OutcomeUnknown, RetryLater, None),
    "permission-missing-create": (CredentialsRefused, CredentialsRefused, Rejected.PERMISSION),
    "permission-missing-query": (CredentialsRefused, CredentialsRefused, Rejected.PERMISSION),
    "requests-exceeded": (RetryLater, RetryLater, None),
    "service-unavailable": (OutcomeUnknown, RetryLater, None),
    "tracking-identifier-refused": (CredentialsRefused, CredentialsRefused, Rejected.TRACKING_IDENTIFIER),
    "user-blocked-403": (OutcomeUnknown, CredentialsRefused, Rejected.BLOCKED),
    "user-blocked-404": (OutcomeUnknown, CredentialsRefused, Rejected.BLOCKED),
    "user-locked": (CredentialsRefused, CredentialsRefused, Rejected.BLOCKED),
    "unexpected-error": (OutcomeUnknown, RetryLater, None),
    "user-refused": (OutcomeUnknown, CredentialsRefused, Rejected.UNSAID),
}


@pytest.mark.parametrize("case", EVERYWHERE)
def test_an_answer_that_everybody_gets(case: str) -> None:
    """It concerns the caller or the service; a write whose refusal is not believed settles, and its read-back tells."""
    everybody = failed(case)
    for repeatable, expected in zip((False, True), EVERYWHERE[case][:2], strict=True):
        with pytest.raises(AutotaskError) as raised:
            decipher(sample(case), (), repeatable=repeatable, essential=True, everybody=everybody)
        assert type(raised.value) is expected
        if isinstance(raised.value, CredentialsRefused):
            assert raised.value.rejected is EVERYWHERE[case][2]
            assert "; ".join(everybody.messages) in raised.value.reason
        if isinstance(raised.value, RetryLater):
            assert raised.value.everywhere


@pytest.mark.parametrize("asked", ["credentials-refused", "user-refused", "service-unavailable", "moved"])
@pytest.mark.parametrize(
    ("met", "error", "everywhere"),
    [
        ("service-unavailable", RetryLater, True),
        ("requests-exceeded", RetryLater, True),
        ("user-blocked-403", CredentialsRefused, None),
        ("credentials-refused", CredentialsRefused, None),
    ],
)
def test_what_the_read_for_all_meets_counts(
    asked: str, met: str, error: type[AutotaskError], everywhere: bool | None
) -> None:
    """Whatever the request itself was answered."""
    with pytest.raises(error) as raised:
        decipher(sample(asked), (), repeatable=True, everybody=failed(met))
    assert "; ".join(failed(met).messages) in str(raised.value)
    assert getattr(raised.value, "everywhere", None) is everywhere


def test_a_missing_permission_for_one_entity_concerns_nobody_else() -> None:
    """Once the read for all is accepted; the message reaches the caller."""
    refused = refusal(sample("permission-missing-query"))
    assert "adequate permissions" in refused.messages[0]
    found = understood(sample("permission-missing-query"), (), essential=False)
    assert isinstance(found, FailedRequest)
    assert (found.subject, found.certain) == (Subject.REQUEST, False)


def test_a_missing_permission_for_everything_concerns_the_caller() -> None:
    """The first request that meets it may be one of a kind that not every change needs."""
    lacking = understood(sample("permission-missing-query"), (), essential=True)
    assert isinstance(lacking, FailedRequest)
    with pytest.raises(CredentialsRefused) as raised:
        decipher(sample("permission-missing-query"), (), repeatable=True, everybody=lacking)
    assert raised.value.rejected is Rejected.PERMISSION


def test_no_login_is_tried_where_it_changes_nothing() -> None:
    """401 on what every change needs: bad secret or missing permission, nothing can be done; bad logins lock the account."""
    assert failed("credentials-refused").certain
    assert failed("tracking-identifier-refused").certain
    assert failed("user-locked").certain


def test_a_write_that_was_turned_away_has_surely_no_effect() -> None:
    """401 comes before anything is applied, whatever the others meet; a refusal is believed only if others are accepted."""
    turned_away, refused = Response(401, {}, b""), sample("adjustment-outside-contract")
    blocked = failed("user-blocked-403")
    assert meaning(turned_away, repeatable=False, everybody=blocked) is CredentialsRefused
    assert meaning(refused, repeatable=False, everybody=blocked) is OutcomeUnknown
    assert meaning(refused, repeatable=False) is Refused


def test_a_day_that_is_taken_is_told_from_other_refusals() -> None:
    """The adjustment may be made on another day."""
    assert refusal(sample("adjustment-day-taken")).day_taken
    assert not refusal(sample("adjustment-below-zero")).day_taken


def test_a_lost_write_asks_nothing() -> None:
    """Its outcome is unknown whoever is concerned, and the read that settles it tells the rest."""

    def ask() -> FailedRequest | None:
        raise AssertionError

    found = failed("adjustment-fault-html")
    assert isinstance(concluded(found, ask, repeatable=False), OutcomeUnknown)


@given(
    status=st.integers(100, 599),
    body=st.sampled_from([b"", b"<html>", b"{}", b'{"errors":["no"]}', b'{"Message":"no"}', b"[]"]),
    probe=st.none() | st.sampled_from(sorted(EVERYWHERE)),
    repeatable=st.booleans(),
    essential=st.booleans(),
)
def test_every_answer_has_one_meaning(
    status: int, body: bytes, probe: str | None, repeatable: bool, essential: bool
) -> None:
    """By the error's kind the caller, this request or the service; what the others meet decides unless the answer itself does."""
    everybody = failed(probe) if probe else None
    found = understood(Response(status, {}, body), ("items",), essential=essential)
    assert isinstance(found, FailedRequest)
    error = concluded(found, lambda: everybody, repeatable=repeatable)
    if isinstance(error, OutcomeUnknown):
        assert not repeatable
    elif isinstance(error, Refused):
        assert everybody is None
    elif isinstance(error, RetryLater):
        assert error.everywhere is (everybody is not None or status == 429)
    else:
        assert isinstance(error, CredentialsRefused)
        assert everybody is not None or (status == 401 and essential)


@pytest.mark.parametrize("status", [200, 400, 401, 500, 502, 503])
@pytest.mark.parametrize("text", ["Itgenatr005", "ITGENATR005: x", "thread threshold Exceeded"])
def test_throttled_under_any_status(status: int, text: str) -> None:
    """A throttled request was not applied, so even a write may simply be made later."""
    for response in (Response(status, {}, text.encode()), answer({"errors": [text]}, status)):
        with pytest.raises(RetryLater, match=r"^Autotask throttles requests$") as raised:
            decipher(response, ("itemId",), repeatable=False)
        assert raised.value.after_seconds == THROTTLE_SECONDS == 60


def test_a_record_may_speak_of_throttling() -> None:
    """A name that contains the words does not make an accepted answer a throttled one."""
    named = {"items": [{"contractName": "Thread Threshold Exceeded"}]}
    assert decipher(answer(named), ("items",), repeatable=True) == named


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"retry-after": "17"}, 17),
        ({"retry-after": " 17 "}, 17),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "1"}, 1),
        ({"retry-after": "3600"}, 3600),
        ({"retry-after": "3601"}, LONGEST_PAUSE_SECONDS),
        ({"retry-after": "999999999"}, LONGEST_PAUSE_SECONDS),
        ({"retry-after": "9999999999"}, 60),
        ({"retry-after": "-5"}, 60),
        ({"retry-after": "1.5"}, 60),
        ({"retry-after": "²"}, 60),
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "Mon, 02 Mar 2026 10:00:30 GMT"}, 60),
        ({"retry-after": "Mon, 02 Mar 2026 10:00:30 GMT", "date": "rubbish"}, 60),
        ({"retry-after": "Mon, 02 Mar 2026 10:00:30 -0000", "date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 60),
        ({"retry-after": "Mon, 02 Mar 2026 10:00:30 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Mon, 02 Mar 2026 09:00:00 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 1),
        ({"retry-after": "Tue, 03 Mar 2026 10:00:00 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 3600),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: int) -> None:
    """Both forms of Retry-After are kept to, within a second and an hour; without one it is a minute."""
    assert retry_after(headers) == seconds
    with pytest.raises(RetryLater) as raised:
        decipher(Response(429, headers, b""), (), repeatable=False)
    assert raised.value.after_seconds == seconds


@given(st.text(), st.text())
def test_retry_after_takes_any_text(value: str, date: str) -> None:
    """No header can break the reader."""
    assert 1 <= retry_after({"retry-after": value, "date": date}) <= LONGEST_PAUSE_SECONDS


def test_errors_say_why() -> None:
    """Each error carries a message for people and logs."""
    with pytest.raises(
        CredentialsRefused,
        match=r"^Autotask does not accept the API user's secret: Autotask answered 401 \(Unauthorized\): no explanation$",
    ) as refused:
        decipher(Response(401, {}, b""), (), repeatable=False, essential=True)
    assert refused.value.reason == str(refused.value)
    with pytest.raises(RetryLater, match=r"^Autotask answered 502 \(Bad Gateway\): no explanation$") as later:
        decipher(Response(502, {}, b""), (), repeatable=True)
    assert (later.value.reason, later.value.after_seconds) == (str(later.value), 30)
    with pytest.raises(
        OutcomeUnknown, match=r"^Autotask answered 502 \(Bad Gateway\): no explanation$"
    ) as unknown:
        decipher(Response(502, {}, b""), (), repeatable=False)
    assert unknown.value.why == str(unknown.value)


@pytest.mark.parametrize(
    ("status", "repeatable", "error"),
    [(401, False, Refused), (503, True, RetryLater), (503, False, OutcomeUnknown)],
)
def test_autotasks_words_go_before_ours(status: int, repeatable: bool, error: type[AutotaskError]) -> None:
    """Whatever the outcome, Autotask's explanation is passed on."""
    with pytest.raises(error, match=r"^locked; for now$"):
        decipher(answer({"errors": ["locked", "for now"]}, status), (), repeatable=repeatable)


def test_not_sent_can_always_be_sent_later() -> None:
    """What never left is not applied, also when it must not be repeated; and nobody else would get through."""
    for repeatable in (True, False):
        later = concluded(unanswered(NotSent("no route")), pytest.fail, repeatable=repeatable)
        assert isinstance(later, RetryLater)
        assert (later.after_seconds, later.reason) == (30, "no answer from Autotask: no route")
        assert later.everywhere


def test_no_answer_leaves_a_write_unknown() -> None:
    """A read is asked again; a write may have landed."""
    lost = unanswered(NoAnswer("reset"))
    later = concluded(lost, lambda: None, repeatable=True)
    assert isinstance(later, RetryLater)
    assert (later.after_seconds, later.reason) == (30, "no answer from Autotask: reset")
    assert not later.everywhere
    unknown = concluded(lost, lambda: None, repeatable=False)
    assert isinstance(unknown, OutcomeUnknown)
    assert unknown.why == "no answer from Autotask: reset"
    away = concluded(lost, lambda: lost, repeatable=True)
    assert isinstance(away, RetryLater)
    assert away.everywhere


def test_a_fault_of_one_request_is_its_own() -> None:
    """The allowance is the tenant's; a fault may be this request's, as long as others are answered."""
    for response, everywhere in ((Response(429, {}, b""), True), (Response(503, {}, b""), False)):
        with pytest.raises(RetryLater) as raised:
            decipher(response, (), repeatable=True)
        assert raised.value.everywhere is everywhere


def test_an_answer_that_cannot_be_relied_on_is_the_services_failure() -> None:
    """A read was answered with status 200 and with something that Autotask does not publish: nobody knows what it did not say."""
    failure = not_believed("Contracts", "items is no list")
    assert failure == FailedRequest(
        Subject.SERVICE,
        False,
        Effect.OPEN,
        ("Autotask's answer on Contracts cannot be relied on: items is no list",),
        200,
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "200 (OK): not what was asked for"), (410, "410 (Gone): no explanation")],
)
def test_an_answer_without_a_message_is_described(status: int, said: str) -> None:
    """By its status, and whether it was an answer at all to what was asked."""
    found = understood(answer({}, status), ("items",), essential=False)
    assert isinstance(found, FailedRequest)
    assert found.messages == (f"Autotask answered {said}",)
