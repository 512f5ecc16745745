"""Who may look: the local cloud's token, or an issuer's by an authorization code with PKCE."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.viewer.visitor import Visitor
from tests.viewer.world import World

AUTHORIZE = "https://issuer.example/oauth2/authorize"


@dataclass
class Issuer:
    """Plays the issuer to a page. `token` is what it gives for the code that it gave, if the verifier is the one whose
    digest it was told."""

    token: str
    token_url: str
    challenges: list[str] = field(default_factory=list)
    forged_state: bool = False

    def serve(self, page: Page) -> None:
        configuration = {"authorizeUrl": AUTHORIZE, "tokenUrl": self.token_url, "clientId": "the-page"}
        page.route("**/config.json", lambda route: route.fulfill(json=configuration))
        page.route(f"{AUTHORIZE}?*", self._authorize)
        page.route(self.token_url, self._exchange)

    def _authorize(self, route: Route) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        self.challenges.append(asked["code_challenge"])
        state = "forged" if self.forged_state else asked["state"]
        back = f"{asked['redirect_uri']}?{urlencode({'code': 'the-code', 'state': state})}"
        route.fulfill(status=302, headers={"Location": back})

    def _exchange(self, route: Route) -> None:
        given = {name: values[0] for name, values in parse_qs(route.request.post_data or "").items()}
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        good = given["code"] == "the-code" and challenge in self.challenges
        body = json.dumps({"id_token": self.token}) if good else "{}"
        route.fulfill(status=200 if good else 400, body=body, headers={"Access-Control-Allow-Origin": "*"})


@pytest.fixture
def issuer(world: World) -> Issuer:
    """At the address that the stack's Content-Security-Policy lets the page speak to."""
    policy = httpx.get(world.viewer.url).headers["Content-Security-Policy"]
    (address,) = re.findall(r"https://\S+/oauth2/token", policy)
    return Issuer(world.viewer.token, address)


def test_an_issuer_signs_in_and_one_is_where_one_wanted_to_be(visiting: Callable[..., Visitor], issuer: Issuer) -> None:
    visitor = visiting(token=False)
    issuer.serve(visitor.page)

    visitor.go("/sessions?stream=gate")
    visitor.page.reload()

    expect(visitor.cards.first).to_be_visible()
    assert visitor.page.url.endswith("/#/sessions?stream=gate")
    expect(visitor.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_code_that_was_not_asked_for_is_refused(visiting: Callable[..., Visitor], issuer: Issuer) -> None:
    issuer.forged_state = True
    visitor = visiting(token=False)
    issuer.serve(visitor.page)

    visitor.page.reload()

    expect(visitor.page.get_by_role("heading", name="Sign-in failed")).to_be_visible()
    assert visitor.cards.count() == 0


def test_a_token_that_the_api_refuses_does_not_lead_in_circles(
    visiting: Callable[..., Visitor], issuer: Issuer
) -> None:
    issuer.token = "not-this-stack's"
    visitor = visiting(token=False)
    issuer.serve(visitor.page)

    visitor.page.reload()

    expect(visitor.page.get_by_role("heading", name="The service does not accept this sign-in")).to_be_visible()
    assert len(issuer.challenges) == 1


def test_a_local_clouds_new_token_is_taken_from_a_new_address(visiting: Callable[..., Visitor], world: World) -> None:
    visitor = visiting(token=False)
    visitor.page.goto(f"{world.viewer.url}/#token=of-the-last-run")
    expect(visitor.page.get_by_role("heading", name="Not signed in")).to_be_visible()

    visitor.page.goto(world.viewer.address)

    expect(visitor.cards.first).to_be_visible()
