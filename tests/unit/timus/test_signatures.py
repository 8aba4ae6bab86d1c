"""Standard Webhooks signatures, and whose news a body is."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.timus.peek import peek_customer, peek_subscription
from timus_autotask.timus.signatures import SecretMalformed, SignatureRefused, malformed, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 32 good bytes!").decode()
BODY = b'{"test": 2432232314}'
AT = 1614265330
NOW = datetime.fromtimestamp(AT, UTC)
HEADERS = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY, SECRET)

ids = st.text(st.sampled_from("abcXYZ019_-~,:#/"), min_size=1, max_size=60)
times = st.integers(1_000_000_000, 4_000_000_000)
keys = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())


def check(
    headers: dict[str, str], body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: datetime = NOW
) -> None:
    """Verify with the usual secret and time."""
    verify(headers, body, secrets, now, tolerance_seconds=300)


def refusal(
    headers: dict[str, str], body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: datetime = NOW
) -> str:
    """The reason for which the delivery is refused."""
    with pytest.raises(SignatureRefused) as refused:
        check(headers, body, secrets, now)
    return refused.value.reason


@pytest.mark.parametrize(
    ("event_id", "timestamp", "body", "secret", "signature"),
    [
        # The vector that the libraries of Standard Webhooks test themselves with.
        (
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        # Computed with `standardwebhooks` 1.1.0 from PyPI.
        (
            "evt_uni",
            1773565964,
            '{"name":"Zahnärzte Süd"}'.encode(),
            "whsec_c2FtcGxlIHNlY3JldCBvZiBub2JvZHkgYXQgYWxsISE=",
            "v1,f+Yooo7Tga6t51NBfO2FtOP4TdIVcr7576KVZ4HltWg=",
        ),
    ],
)
def test_signatures_are_those_of_other_libraries(
    event_id: str, timestamp: int, body: bytes, secret: str, signature: str
) -> None:
    """A signature of the public libraries is ours too, so that any of them can send to us."""
    headers = sign(event_id, timestamp, body, secret)
    assert headers == {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    check(headers, body, (secret,), datetime.fromtimestamp(timestamp, UTC))


@given(ids, times, st.binary(max_size=300), keys, keys)
def test_what_is_signed_is_genuine_and_only_that(
    event_id: str, at: int, body: bytes, secret: str, other: str
) -> None:
    """A signed delivery passes under its own secret, and under no other."""
    headers, now = sign(event_id, at, body, secret), datetime.fromtimestamp(at, UTC)
    check(headers, body, (other, secret), now)
    if other != secret:
        assert refusal(headers, body, (other,), now) == "wrong"


@given(ids, times, st.binary(max_size=60), keys, st.data())
def test_any_other_byte_is_refused(
    event_id: str, at: int, body: bytes, secret: str, data: st.DataObject
) -> None:
    """Another id, time or body under the same signature is not genuine."""
    headers, now = sign(event_id, at, body, secret), datetime.fromtimestamp(at, UTC)
    changed = {
        "webhook-id": data.draw(ids),
        "webhook-timestamp": str(data.draw(st.integers(at - 300, at + 300))),
        "webhook-signature": headers["webhook-signature"],
    }
    other = data.draw(st.binary(max_size=60))
    if (changed, other) != (headers, body):
        assert refusal(changed, other, (secret,), now) == "wrong"


@given(st.dictionaries(st.sampled_from([*HEADERS, "Webhook-Id", "x"]), st.text(max_size=40)), st.binary())
def test_strange_headers_are_only_refused(headers: dict[str, str], body: bytes) -> None:
    """Whatever the headers hold, the answer is a refusal and never another error."""
    assert refusal(headers, body) in ("missing", "malformed", "expired", "wrong")


def test_any_listed_signature_will_do() -> None:
    """Signatures of an older secret, of unknown versions and of no form at all stand beside a good one."""
    old = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY, OTHER)["webhook-signature"]
    good = HEADERS["webhook-signature"]
    check(HEADERS | {"webhook-signature": f"v1a,AAAA {old}  nonsense v2,é {good}"})


@pytest.mark.parametrize(
    "signature",
    [
        "v1a" + HEADERS["webhook-signature"][2:],
        HEADERS["webhook-signature"][3:],
        HEADERS["webhook-signature"].rstrip("="),
        HEADERS["webhook-signature"] + "," + HEADERS["webhook-signature"],
        "v1,",
        "v1",
        "v1,é",
        " ",
    ],
)
def test_what_only_looks_like_the_signature_is_refused(signature: str) -> None:
    """The right digest of another version, without its version or joined to another is no signature."""
    assert refusal(HEADERS | {"webhook-signature": signature}) == "wrong"


def test_header_names_come_in_any_case() -> None:
    """HTTP header names have no case."""
    check({name.title(): value for name, value in HEADERS.items()})


@pytest.mark.parametrize("name", list(HEADERS))
def test_each_header_is_needed_once(name: str) -> None:
    """A header that is missing, empty or there twice is refused."""
    assert refusal({key: value for key, value in HEADERS.items() if key != name}) == "missing"
    assert refusal(HEADERS | {name: ""}) == "missing"
    assert refusal(HEADERS | {name.upper(): HEADERS[name]}) == "malformed"


@pytest.mark.parametrize("event_id", ["msg.1", "a b", "ä", "a\n", "\ud800"])
def test_an_id_that_could_be_read_in_two_ways_is_refused(event_id: str) -> None:
    """A full stop in an id would let bytes move between the signed parts; other characters are no ids of headers."""
    assert refusal(HEADERS | {"webhook-id": event_id}) == "malformed"


@pytest.mark.parametrize(
    "timestamp",
    [
        "1614265330.0",
        " 1614265330",
        "1614265330\n",
        "+1614265330",
        "-1",
        "0",
        "01614265330",
        "1e9",
        "१६१४२६५३३०",
        "1_614_265_330",
        "now",
    ],
)
def test_a_timestamp_is_plain_seconds(timestamp: str) -> None:
    """A timestamp in any other writing than whole seconds is refused."""
    assert refusal(HEADERS | {"webhook-timestamp": timestamp}) == "malformed"


@pytest.mark.parametrize(("late", "genuine"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_an_attempt_is_genuine_for_the_tolerance(late: int, genuine: bool) -> None:
    """A delivery from before or after the tolerance is a replay or a wrong clock, and refused."""
    now = datetime.fromtimestamp(AT + late, UTC)
    if genuine:
        check(HEADERS, now=now)
    else:
        assert refusal(HEADERS, now=now) == "expired"


def test_a_secret_may_come_without_padding() -> None:
    """Some senders show base64 without its padding; it is the same secret."""
    assert OTHER.endswith("=")
    assert sign("a", AT, BODY, OTHER) == sign("a", AT, BODY, OTHER.rstrip("="))


BAD = [
    "whsec_",
    "whsec_not base64!",
    "whsec_ä",
    "whsec_A",
    SECRET.removeprefix("whsec_"),
    SECRET + "\n",
    "whsec_v1," + SECRET,
    "whsec_" + base64.b64encode(b"x" * 23).decode(),
    "whsec_" + base64.b64encode(b"x" * 65).decode(),
]


@pytest.mark.parametrize("secrets", [(), *((bad,) for bad in BAD), *((bad, OTHER) for bad in BAD)])
def test_a_bad_secret_is_a_fault_of_the_configuration(secrets: tuple[str, ...]) -> None:
    """Where the current secret is none, what it may have signed is neither genuine nor forged; the secret is not shown."""
    with pytest.raises(SecretMalformed) as malformed:
        check(HEADERS, secrets=secrets)
    assert all(secret not in str(malformed.value) for secret in secrets if len(secret) > 6)


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_secret_takes_nothing_from_the_good_ones(bad: str) -> None:
    """Beside it, any good secret proves what it signed and nothing else; it is counted."""
    for secrets in ((SECRET, bad), (OTHER, bad, SECRET), (bad, SECRET)):
        check(HEADERS, secrets=secrets)
        assert malformed(secrets) == 1
    assert refusal(HEADERS, secrets=(OTHER, bad)) == "wrong"
    assert malformed((SECRET, OTHER)) == 0


def test_a_bad_secret_that_was_good_once_proves_nothing() -> None:
    """What an entry without its prefix would have signed is refused: it is not used in any form."""
    assert refusal(HEADERS, secrets=(OTHER, SECRET.removeprefix("whsec_"))) == "wrong"


@pytest.mark.parametrize(
    ("body", "customer"),
    [
        ({"data": {"subscription": {"customer": {"id": "cus_41d0"}}}}, "cus_41d0"),
        ({"data": {"customer": {"id": "cus_41d0"}}}, "cus_41d0"),
        ({"data": {"customer": {"id": "a"}, "subscription": {"customer": {"id": "b"}}}}, "b"),
        ({"data": {"customer": {"id": "a"}, "subscription": {}}}, None),
        ({"data": {"customer": {"id": 5}}}, None),
        ({"data": {"customer": {"id": "with a space"}}}, None),
        ({"data": {"customer": {"id": "x" * 129}}}, None),
        ({"data": {"customer": {"id": "\ud800"}}}, None),
        ({"data": []}, None),
        ([], None),
        ("data", None),
        (None, None),
    ],
)
def test_whose_news_it_is(body: object, customer: str | None) -> None:
    """The customer is found in the subscription or beside it, and nowhere if the id could be no key."""
    assert peek_customer(json.dumps(body).encode()) == customer


@pytest.mark.parametrize(
    ("data", "subscription"),
    [
        ({"subscription": {"id": "sub_1"}}, "sub_1"),
        ({"subscription": {"id": 1}}, None),
        ({"subscription": None, "id": "other"}, None),
        ({"id": "other"}, None),
        ([], None),
    ],
)
def test_which_subscription_it_is_about(data: object, subscription: str | None) -> None:
    """The subscription's own id, and that of nothing else."""
    assert peek_subscription(json.dumps({"data": data}).encode()) == subscription


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "subscription", "customer", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_the_look_for_the_customer_never_fails(body: bytes) -> None:
    """Whatever the bytes are, there is an id that can be a key, or none."""
    for found in (peek_customer(body), peek_subscription(body)):
        assert found is None or (0 < len(found) <= 128 and found.isascii())


def test_deep_nesting_tells_nothing() -> None:
    """A body made to exhaust the reader has no customer."""
    assert peek_customer(b"[" * 65_000) is None


@pytest.mark.parametrize("module", ["timus.signatures", "sync.receive"])
def test_the_webhook_function_starts_without_pydantic(module: str) -> None:
    """Neither the signature nor the use case imports what only the worker needs: a cold start pays for each."""
    code = f"import sys, timus_autotask.{module}; print(sorted({{'pydantic', 'httpx'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("space", ["\t", "\n", "\u00a0"])
def test_only_spaces_stand_between_signatures(space: str) -> None:
    """Two readers must not split one list in two ways."""
    assert (
        refusal(HEADERS | {"webhook-signature": f"v1,AAAA{space}{HEADERS['webhook-signature']}"}) == "wrong"
    )


def test_a_signature_that_no_encoding_knows_is_only_wrong() -> None:
    """Half a surrogate pair in a header is no reason to fail."""
    assert refusal(HEADERS | {"webhook-signature": "v1,\udcff"}) == "wrong"


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ((), "there is no webhook secret"),
        ((SECRET[:-1] + "%" + SECRET[-1:],), "a webhook secret is not base64"),
        (
            (SECRET.removeprefix("whsec_"),),
            "a webhook secret must be whsec_ and the base64 of 24 to 64 bytes",
        ),
    ],
)
def test_a_malformed_secret_says_what_is_wrong_with_it(secrets: tuple[str, ...], words: str) -> None:
    """In words for the operator, without a byte of the secret; foreign characters are never skipped."""
    with pytest.raises(SecretMalformed) as malformed:
        check(HEADERS, secrets=secrets)
    assert str(malformed.value) == words


def test_a_refusal_tells_its_reason_in_logs() -> None:
    """The reason is the message too."""
    assert str(SignatureRefused("expired")) == "expired"
