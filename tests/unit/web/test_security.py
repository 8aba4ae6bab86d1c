"""Who may speak to the console."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.unit.web.browser import HOME, PORT, Browser
from timus_autotask.web.security import FORM_TOKEN, HEADER, KEY


@pytest.fixture
def browser() -> Browser:
    """A console, and a browser that is in."""
    return Browser()


def stranger(browser: Browser, method: str, address: str, **more: object) -> httpx.Response:
    """What a browser is answered that nobody has let in."""
    client = browser.stranger()
    client.follow_redirects = False
    return asyncio.run(client.request(method, address, **more))  # type: ignore[arg-type]


def test_the_first_address_lets_its_browser_in_and_leaves_no_key_behind(browser: Browser) -> None:
    """The key is exchanged for a cookie that neither scripts nor other sites can use, and the address is clean."""
    client = browser.stranger()
    client.follow_redirects = False
    answer = asyncio.run(client.get(f"/customers?{KEY}={browser.keys.key}&q=x"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers?q=x")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert f"timus-autotask-{PORT}=" in cookie


def test_nobody_comes_in_without_the_key(browser: Browser) -> None:
    """Nothing is shown, not even the style sheet."""
    for address in ("/", "/customers", "/static/console.css", "/nowhere"):
        answer = stranger(browser, "GET", address)
        assert answer.status_code == 403
        assert "Open the console with the address" in answer.text


@pytest.mark.parametrize("key", ["", "x", "ключ", "a" * 10_000])
def test_a_wrong_key_opens_nothing(browser: Browser, key: str) -> None:
    """Neither an empty nor a long one."""
    answer = stranger(browser, "GET", "/", params={KEY: key})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_key_is_good_once(browser: Browser) -> None:
    """Whoever finds it later, in a history or over a shoulder, cannot use it; the next one is another."""
    key = browser.keys.key
    assert stranger(browser, "GET", "/", params={KEY: key}).status_code == 303
    again = stranger(browser, "GET", "/", params={KEY: key})
    assert (again.status_code, again.headers.get("set-cookie")) == (403, None)
    assert browser.keys.key != key


def test_the_next_key_is_told_to_the_terminal_alone() -> None:
    """So another browser can still be opened."""
    from timus_autotask.web.security import Keys

    told: list[str] = []
    keys = Keys(told.append)
    assert keys.spend(keys.key)
    assert told == [keys.key]


def test_a_browser_that_is_in_may_open_an_old_address(browser: Browser) -> None:
    """A bookmark with a spent key leads to its page, and spends nothing."""
    key = browser.keys.key
    assert browser.get(f"/customers?{KEY}=spent").status_code == 200
    assert browser.keys.key == key


def test_a_cookie_of_another_run_is_a_stranger(browser: Browser) -> None:
    """Each run has sessions of its own."""
    old = dict(browser.client.cookies)
    other = Browser()
    client = other.stranger()
    client.cookies.update(old)
    assert asyncio.run(client.get("/")).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.1:{PORT}.evil.example",
        "",
        f"[::1]:{PORT}",
    ],
)
def test_a_foreign_host_is_refused_also_with_the_cookie(browser: Browser, host: str) -> None:
    """A name of the internet that resolves to this machine is another site (DNS rebinding)."""
    answer = browser.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Timus" not in answer.text


def test_localhost_is_this_machine_too(browser: Browser) -> None:
    """Whoever types it is let in with a key of his own."""
    answer = stranger(browser, "GET", f"/?{KEY}={browser.keys.key}", headers={"host": f"localhost:{PORT}"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", f"http://evil.example:{PORT}", "http://127.0.0.1:1", None]
)
def test_a_form_of_another_site_is_refused(browser: Browser, origin: str | None) -> None:
    """Also with our cookie and our token; a browser says where a form comes from."""
    headers = {} if origin is None else {"origin": origin}
    answer = browser.ask("POST", "/fresh", data={FORM_TOKEN: browser.token()}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("form", [{}, {FORM_TOKEN: ""}, {FORM_TOKEN: "x"}, {FORM_TOKEN: "ü"}])
def test_a_form_without_the_token_of_its_session_is_refused(browser: Browser, form: dict[str, str]) -> None:
    """Whatever else is in it."""
    assert browser.ask("POST", "/fresh", data=form, headers={"origin": HOME}).status_code == 403


def test_a_token_of_another_session_is_refused(browser: Browser) -> None:
    """It is bound to the cookie."""
    other = Browser()
    answer = browser.ask("POST", "/fresh", data={FORM_TOKEN: other.token()}, headers={"origin": HOME})
    assert answer.status_code == 403


def test_two_tokens_are_none(browser: Browser) -> None:
    """Nobody has to guess which of them counts."""
    body = f"{FORM_TOKEN}={browser.token()}&{FORM_TOKEN}=x"
    headers = {"origin": HOME, "content-type": "application/x-www-form-urlencoded"}
    assert browser.ask("POST", "/fresh", content=body, headers=headers).status_code == 403


def test_a_form_with_a_file_carries_the_token_as_well(browser: Browser) -> None:
    """In the other encoding that browsers use; and a script of ours sends it as a header."""
    files = {"file": ("x.csv", b"a,b\r\n")}
    assert browser.send("/fresh", files=files).status_code == 200
    assert browser.ask("POST", "/fresh", files=files, headers={"origin": HOME}).status_code == 403
    headers = {"origin": HOME, HEADER: browser.token()}
    assert browser.ask("POST", "/fresh", headers=headers).status_code == 200


def test_a_form_that_is_too_large_is_refused(browser: Browser) -> None:
    """Before it is understood."""
    big = b"x" * (6 * 1024 * 1024 + 1)
    headers = {"origin": HOME, HEADER: browser.token()}
    assert browser.ask("POST", "/fresh", content=big, headers=headers).status_code == 413


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"])
def test_whatever_is_no_plain_read_needs_the_token(browser: Browser, method: str) -> None:
    """Also by another name."""
    assert browser.ask(method, "/fresh", headers={"origin": HOME}).status_code == 403


def test_a_form_leads_back_to_our_own_pages_only(browser: Browser) -> None:
    """Whatever it says."""
    client = browser.client
    client.follow_redirects = False
    for back in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"):
        answer = browser.ask(
            "POST", "/fresh", data={FORM_TOKEN: browser.token(), "back": back}, headers={"origin": HOME}
        )
        assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "/%2f/evil.example", "///evil.example/x"]
)
def test_the_first_address_never_leads_to_another_host(browser: Browser, path: str) -> None:
    """A crafted path cannot turn the redirect away from us."""
    answer = stranger(browser, "GET", f"{HOME}{path}?{KEY}={browser.keys.key}")
    location = answer.headers["location"]
    assert httpx.URL(HOME).join(location).host == "127.0.0.1"


def test_every_answer_lets_the_browser_run_and_load_what_is_ours_only(browser: Browser) -> None:
    """Also one to a stranger, and one that fails."""
    for answer in (browser.first, browser.get("/nowhere"), stranger(browser, "GET", "/")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in policy


def test_no_page_has_script_or_style_within(browser: Browser) -> None:
    """The policy would not run it."""
    for address in ("/", "/customers", "/health", "/nowhere"):
        html = browser.get(address).text
        assert "<script>" not in html
        assert "<style" not in html
        assert " style=" not in html
        assert " on" not in {part.split("=")[0] for part in html.split("<") if part.startswith("on")}
        assert "hx-on" not in html
