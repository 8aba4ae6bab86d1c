"""Which addresses may be handed the credentials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.autotask.zone import AUTOTASK, api_base, below, is_autotask, lookup_url, origin, trusts

ZONE = "https://webservices2.autotask.net/ATServicesRest/v1.0"


@pytest.mark.parametrize(
    "url",
    [
        "https://webservices2.autotask.net/ATServicesRest",
        "https://webservices2.autotask.net/ATServicesRest/",
        "https://webservices2.autotask.net/ATServicesRest//",
        "https://webservices2.autotask.net/ATServicesRest/v1.0",
        "https://webservices2.autotask.net/ATServicesRest/v1.0/",
    ],
)
def test_one_form_of_a_base(url: str) -> None:
    """Zones are named with and without slash and version."""
    assert api_base(url) == ZONE


def test_a_version_in_capitals_is_one() -> None:
    """Paths are compared without regard to case."""
    assert api_base("https://webservices2.autotask.net/ATServicesRest/V1.0/").endswith("/V1.0")


def test_user_names_are_escaped() -> None:
    """API user names are e-mail addresses and may hold anything."""
    assert lookup_url(AUTOTASK, "a+b/c@d&e") == (
        "https://webservices.autotask.net/atservicesrest/v1.0/zoneInformation?user=a%2Bb%2Fc%40d%26e"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://autotask.net",
        "https://webservices31.autotask.net/ATServicesRest/",
        "https://webservices31.autotask.net:443/",
        "https://WEBSERVICES2.AUTOTASK.NET/x",
    ],
)
def test_addresses_of_autotask(url: str) -> None:
    """Any host below autotask.net, over https."""
    assert is_autotask(url)
    assert trusts(AUTOTASK, url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "autotask.net",
        "http://webservices2.autotask.net/",
        "https://webservices2.autotask.net:8443/",
        "https://evilautotask.net/",
        "https://autotask.net.evil.example/",
        "https://webservices2.autotask.net@evil.example/",
        "https://evil.example/webservices2.autotask.net",
        "https://evil.example#.autotask.net",
        "https://evil.example\\.autotask.net/",
        "https://evil.example?.autotask.net",
        "https://evil.example%2f.autotask.net/",
        "https://evil.example;.autotask.net/",
        "https://evil\u3002example.autotask.net/",
        "https://user@webservices2.autotask.net/",
        "https://webservices2.autotask.net\n.evil.example/",
        "https://[::1/",
        "https://webservices2.autotask.net:port/",
        "ftp://webservices2.autotask.net/",
        "//webservices2.autotask.net/",
    ],
)
def test_hostile_addresses(url: str) -> None:
    """Whatever only looks like Autotask gets nothing."""
    assert not trusts(AUTOTASK, url)


def test_another_server_sends_us_only_to_itself() -> None:
    """A simulator's zone answer cannot lead the credentials away, not even to Autotask."""
    server = "http://127.0.0.1:8080"
    assert trusts(server, "http://127.0.0.1:8080/ATServicesRest/")
    for url in ("http://127.0.0.1:8081/", "https://127.0.0.1:8080/", "http://localhost:8080/", ZONE, "x"):
        assert not trusts(server, url)
    assert not trusts("x", "x")


def test_origins() -> None:
    """The scheme's own port is no difference; the host is compared in lower case."""
    assert origin("https://A.example:443/x") == origin("https://a.example") == ("https", "a.example", None)
    assert origin("http://a.example:443") == ("http", "a.example", 443)
    assert origin("http://a.example:80") == ("http", "a.example", None)


def test_below() -> None:
    """A page link is followed below the entity only, whatever its case."""
    home = f"{ZONE}/Contracts/"
    assert below(home, f"{ZONE}/Contracts/query/next?paging=a%2Fb") == "query/next?paging=a%2Fb"
    link = "https://WebServices2.autotask.net:443/atservicesrest/V1.0/contracts/query/next?p=1"
    assert below(home, link) == "query/next?p=1"
    here = "http://127.0.0.1:8580/ATServicesRest/v1.0/Contracts/"
    assert below(here, here.replace("127.0.0.1", "localhost") + "query/next") == "query/next?"
    assert below(here, here.replace("8580", "8581") + "query/next") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "query/next",
        "/ATServicesRest/v1.0/Contracts/query/next",
        "https://webservices3.autotask.net/ATServicesRest/v1.0/Contracts/query/next",
        "http://webservices2.autotask.net/ATServicesRest/v1.0/Contracts/query/next",
        "https://webservices2.autotask.net/ATServicesRest/v1.0/Companies/query/next",
        "https://webservices2.autotask.net/x",
        "https://evil@webservices2.autotask.net/ATServicesRest/v1.0/Contracts/query/next",
    ],
)
def test_not_below(url: str) -> None:
    """Any other address is none."""
    assert below(f"{ZONE}/Contracts/", url) is None


@given(st.text() | st.text().map(lambda text: f"https://{text}"))
def test_no_address_breaks_the_check(url: str) -> None:
    """Hostile text is refused, not crashed on; what is trusted has Autotask's host by the strictest reading."""
    below(f"{ZONE}/Contracts/", url)
    if trusts(AUTOTASK, url):
        assert url.isascii()
        assert (origin(url) or ("", "", 0))[1].endswith("autotask.net")
