"""What strangers do to somebody who has the console open, where only a real browser can tell: sites, frames, and names that are scripts.

Foreign hosts and tokens that are missing, wrong or used again need no browser: ``tests/unit/web/test_security.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.accessible import too_wide
from tests.browser.conftest import ATTACKER
from tests.browser.everything import addresses
from tests.browser.served import Served, serving
from tests.browser.visitor import PHONE, Visitor, visiting
from tests.partner import HELD, REJECTED, UNMAPPED, contract_of, customer_of, partner, scenario
from tests.world import ADV, SERVICES
from timus_autotask.web.security import KEY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser

HELD_LINE = f"{contract_of(HELD)}-{SERVICES[ADV]}"


# -- Other sites in the same browser


@contextmanager
def another_site(visitor: Visitor, host: str, html: str) -> Iterator[Page]:
    """A page of somebody else in a second tab, which the browser of the console shows too."""

    def answer(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html")

    page = visitor.page.context.new_page()
    page.route(f"http://{host}/**", answer)
    page.goto(f"http://{host}/")
    yield page
    page.close()


def sends(served: Served, token: str) -> str:
    """A page that sends our form by itself, as far as it can know it."""
    return f"""<form method=post action="{served.home}/changes/decide"><input name=line value="{HELD_LINE}">
    <input name=decision value=approve><input name=form_token value="{token}"></form><script>document.forms[0].submit()</script>"""


@pytest.mark.parametrize(
    "host", [ATTACKER, "127.0.0.1:1"], ids=["another site", "another port of this machine"]
)
def test_a_form_of_another_site_does_nothing(chromium: Browser, host: str) -> None:
    """Not even with a token that it has stolen."""
    with serving(partner(32, weeks=0)) as served, visiting(chromium, served) as visitor:
        token = visitor.page.locator("input[name=form_token]").first.input_value()
        asked = len(served.desk.cases._cases)
        with another_site(visitor, host, sends(served, token)) as page:
            page.wait_for_url(f"{served.home}/**")
            said = page.inner_text("body")
        assert "Open the console with the address" in said or "comes from another site" in said
        assert len(served.desk.cases._cases) == asked
        assert visitor.go("/").status == 200


@pytest.mark.parametrize(
    "host", [ATTACKER, "127.0.0.1:1"], ids=["another site", "another port of this machine"]
)
def test_a_script_of_another_site_reads_nothing(visitor: Visitor, host: str) -> None:
    """Neither a page, nor whether there is one."""
    home = visitor.served.home
    script = """async home => {
      const tried = {};
      for (const [name, options] of [["plain", {}], ["with cookie", {credentials: "include"}], ["blind", {mode: "no-cors"}]])
        tried[name] = await fetch(home + "/customers", options).then(a => a.type + a.status + "" , e => "refused");
      return tried;
    }"""
    with another_site(visitor, host, "<p>hello") as page:
        assert set(page.evaluate(script, home).values()) == {"refused"}
        assert page.evaluate(
            "home => new Promise(r => { const i = new Image(); i.onload = () => r('seen'); i.onerror = () => r('refused'); i.src = home + '/static/icon.svg'; })",
            home,
        ) == "refused"  # fmt: skip


@pytest.mark.parametrize(
    "host", [ATTACKER, "127.0.0.1:1"], ids=["another site", "another port of this machine"]
)
def test_the_console_is_in_no_frame(visitor: Visitor, host: str) -> None:
    """So nobody lays it under something that somebody clicks."""
    html = f'<iframe src="{visitor.served.home}/changes"></iframe>'
    with another_site(visitor, host, html) as page:
        frame = page.frames[-1]
        page.wait_for_timeout(300)
        assert frame.url.startswith("chrome-error:")


def test_a_name_that_leads_to_this_machine_is_refused(visitor: Visitor) -> None:
    """DNS rebinding: a site lets its own name lead to 127.0.0.1 and asks from there as if it were the console."""
    page = visitor.page.context.new_page()
    answer = page.goto(f"http://{ATTACKER}:{visitor.served.port}/customers?{KEY}={visitor.served.keys.key}")
    assert answer is not None
    assert answer.status >= 400
    assert customer_of(HELD) not in page.content()
    assert all(cookie["domain"] == "127.0.0.1" for cookie in page.context.cookies())
    page.close()


def test_the_console_runs_no_script_that_is_not_its_own(visitor: Visitor) -> None:
    """Even if somebody got a script or a style into a page, the browser would not run it."""
    page = visitor.page
    page.evaluate("""() => {
      const script = document.createElement("script"); script.textContent = "window.ran = 1"; document.body.append(script);
      const main = document.querySelector("main"); main.setAttribute("onclick", "window.ran = 2"); main.click();
      const image = document.createElement("img"); image.setAttribute("onerror", "window.ran = 3"); image.src = "/static/none"; document.body.append(image);
      document.body.setAttribute("style", "color: red");
    }""")
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in one for one in visitor.complaints)
    visitor.complaints.clear()  # the browser said what it kept from running, as it should


# -- Names that are scripts

EVIL = (
    "<script>ran()</script>",
    '"><img src=x onerror=ran()>',
    "'-ran()-'",
    "javascript:ran()",
    "{{7*7}}${7*7}",
    "\u202eevil\u2066\u200b",
    "a\x00b\x1b[31mc\x07",
    "</title></textarea></style><svg onload=ran()>",
)
NAMES = " ".join(EVIL)


def strings(value: Any, text: str) -> Any:
    """A tenant whose every name is this text."""
    if isinstance(value, dict):
        return {
            key: text if key in ("companyName", "contractName", "name") else strings(each, text)
            for key, each in value.items()
        }
    return [strings(each, text) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def evil(chromium: Browser) -> Iterator[Served]:
    """A partner whose customers, companies, contracts and services are all called like an attack; so are a SKU, an event, and what people give as reason."""
    world = partner(
        32,
        weeks=4,
        names=dict.fromkeys(range(32), NAMES),
        tenant=strings(scenario(32), NAMES.replace("\x00", "")),
    )
    world.tell(
        91,
        {ADV: 12, EVIL[1]: 4},
        customer=customer_of(UNMAPPED[0]),
        subscription=f"sub_{UNMAPPED[0]:04x}",
        customer_name=NAMES,
        event_id=EVIL[0],
    )
    world.clock.advance(5)
    world.work()
    with serving(world) as served:
        yield served


def test_names_are_shown_and_never_run(chromium: Browser, evil: Served) -> None:
    """On every page: no element comes from a name, nothing runs, loads, turns the text round, or makes a phone's page too wide."""
    with visiting(chromium, evil) as visitor:
        visitor.look(PHONE, "light")
        wide: dict[str, list[str]] = {}
        for address in addresses(evil):
            visitor.go(address)
            wide[address] = too_wide(visitor.page)
            found = visitor.page.evaluate("""() => ({
              elements: [...document.querySelectorAll("main script, main img, main iframe, main style, main svg[onload], [onerror], [onload], a[href^='javascript:' i]")].map(e => e.outerHTML),
              ran: "ran" in window,
              turned: /[\\u0000-\\u0008\\u001b\\u200b\\u202a-\\u202e\\u2066-\\u2069]/.test(document.documentElement.outerHTML),
              title: document.title,
            })""")
            assert (address, found["elements"], found["ran"], found["turned"]) == (address, [], False, False)
        assert {address: wrong for address, wrong in wide.items() if wrong} == {}
        visitor.go("/customers")
        assert "<script>ran()</script>" in visitor.words("#list")


def test_a_reason_that_is_a_script_is_shown(chromium: Browser, evil: Served) -> None:
    """In the preview, in the list, and in what is kept as evidence."""
    with visiting(chromium, evil) as visitor:
        visitor.go("/changes?state=awaits")
        visitor.page.check(f"input[value='{HELD_LINE}']")
        visitor.page.fill("#reason", EVIL[1])
        visitor.press("#reject")
        assert EVIL[1] in visitor.words()
        visitor.agree()
        visitor.go("/changes?state=rejected")
        assert EVIL[1] in visitor.words("#list")
        with visitor.page.expect_download() as started:
            visitor.go(f"/evidence?customer={customer_of(REJECTED)}&month=2026-03")
            visitor.page.click("#html")
        kept = started.value.path().read_text(encoding="utf-8")
        assert "<script>ran" not in kept
        assert "<img" not in kept
