"""Sign-in: by the local cloud's token, or at an issuer by an authorization code with PKCE."""

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

from tests.viewer.page_user import PageUser
from tests.viewer.world import World

AUTHORIZE = "https://issuer.example/oauth2/authorize"


@dataclass
class Issuer:
    """Plays the issuer to a page. `token` is what it gives for the code that it gave, if the verifier is the one whose
    digest in the request."""

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
        query = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        self.challenges.append(query["code_challenge"])
        state = "forged" if self.forged_state else query["state"]
        back = f"{query['redirect_uri']}?{urlencode({'code': 'the-code', 'state': state})}"
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
    """Serves the issuer at the address that the stack's Content-Security-Policy allows."""
    policy = httpx.get(world.viewer.url).headers["Content-Security-Policy"]
    (address,) = re.findall(r"https://\S+/oauth2/token", policy)
    return Issuer(world.viewer.token, address)


def test_sign_in_returns_to_the_requested_address(open_page: Callable[..., PageUser], issuer: Issuer) -> None:
    user = open_page(token=False)
    issuer.serve(user.page)

    user.go("/sessions?stream=gate")
    user.page.reload()

    expect(user.cards.first).to_be_visible()
    assert user.page.url.endswith("/#/sessions?stream=gate")
    expect(user.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_unsolicited_code_is_rejected(open_page: Callable[..., PageUser], issuer: Issuer) -> None:
    issuer.forged_state = True
    user = open_page(token=False)
    issuer.serve(user.page)

    user.page.reload()

    expect(user.page.get_by_role("heading", name="Sign-in failed")).to_be_visible()
    assert user.cards.count() == 0


def test_a_token_that_the_api_rejects_causes_no_redirect_loop(
    open_page: Callable[..., PageUser], issuer: Issuer
) -> None:
    issuer.token = "not-this-stack's"
    user = open_page(token=False)
    issuer.serve(user.page)

    user.page.reload()

    expect(user.page.get_by_role("heading", name="The service does not accept this sign-in")).to_be_visible()
    assert len(issuer.challenges) == 1


def test_a_new_token_of_the_local_cloud_is_read_from_the_address(
    open_page: Callable[..., PageUser], world: World
) -> None:
    user = open_page(token=False)
    user.page.goto(f"{world.viewer.url}/#token=of-the-last-run")
    expect(user.page.get_by_role("heading", name="Not signed in")).to_be_visible()

    user.page.goto(world.viewer.address)

    expect(user.cards.first).to_be_visible()
