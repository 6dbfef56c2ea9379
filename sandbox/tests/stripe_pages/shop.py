"""A merchant with a pack and a plan to sell in the sandbox, and Bob, who buys in a browser without JavaScript."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import stripe
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sandbox.stripe.engine import Engine
from sandbox.stripe.server import SECRET_KEY, build
from sandbox.stripe.transport import InProcess

SITE = "https://cleverai.example"
PAYS, DECLINED, POOR = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0000 0000 9995"
FAILS_LATER, ASKS = "4000 0000 0000 0341", "4000 0025 0000 3155"
CARD = {"expiry": "12 / 34", "cvc": "123", "name": "Bob Baker"}
DAY = 86_400


@dataclass(frozen=True)
class Shop:
    """The sandbox behind the pages, and what the merchant sells there."""

    engine: Engine
    browser: FlaskClient
    api: Any
    bob: str
    pack: str
    plan: str

    @classmethod
    def open(cls, url: str = "http://127.0.0.1:8200") -> "Shop":
        engine = Engine(base_url=url)
        app = build(engine)
        api = stripe.StripeClient(SECRET_KEY, http_client=InProcess(engine, app=app)).v1
        thousand = api.products.create({"name": "1,000 credits"})
        pro = api.products.create({"name": "CleverAI Pro"})
        pack = api.prices.create({"product": thousand.id, "unit_amount": 1000, "currency": "usd"})
        monthly: Any = {"interval": "month"}
        plan = api.prices.create({"product": pro.id, "unit_amount": 2900, "currency": "usd", "recurring": monthly})
        bob = api.customers.create({"email": "bob@example.com", "name": "Bob Baker"})
        return cls(engine, app.test_client(), api, bob.id, pack.id, plan.id)

    def checkout(self, mode: str = "payment", **more: Any) -> str:
        """Begin a Checkout for the pack or the plan, and return the session's id."""
        wanted: dict[str, Any] = {
            "mode": mode,
            "ui_mode": "hosted_page",
            "customer": self.bob,
            "line_items": [{"price": self.plan if mode == "subscription" else self.pack, "quantity": 1}],
            "success_url": f"{SITE}/paid/?session={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{SITE}/cancelled/",
        }
        session = self.api.checkout.sessions.create({k: v for k, v in (wanted | more).items() if v is not None})
        return str(session.id)

    def pay(self, session_id: str, number: str = PAYS, **more: str) -> TestResponse:
        return self.browser.post(f"/c/pay/{session_id}", data={"number": number, **CARD, **more})

    def subscribe(self, number: str = PAYS) -> str:
        """Let Bob subscribe in the browser, and return the subscription's id."""
        session_id = self.checkout("subscription")
        assert self.pay(session_id, number).status_code == 303
        return str(self.session(session_id).subscription)

    def session(self, session_id: str) -> Any:
        return self.api.checkout.sessions.retrieve(session_id)

    def portal(self, **more: Any) -> str:
        """Open the portal for Bob, and return the path of its page."""
        session = self.api.billing_portal.sessions.create(
            {"customer": self.bob, "return_url": f"{SITE}/billing/", **more}
        )
        return str(session.url).removeprefix(self.engine.base_url)

    def paid_charges(self) -> list[Any]:
        return [charge for charge in self.api.charges.list().data if charge.paid]

    def text(self, path: str) -> str:
        """Return what a page says, without its markup."""
        return words(self.browser.get(path, follow_redirects=True))


def words(page: TestResponse) -> str:
    """Return the text of a page, with single blanks."""
    body = re.sub(r"(?s)<head>.*?</head>|<[^>]+>", " ", page.text)
    return re.sub(r"\s+", " ", body).replace("&#39;", "'").strip()


def alert_in(html: str, role: str = "alert") -> str:
    """Return what a page says in its alert, or in its status."""
    start = html.index(f'role="{role}">')
    said = re.search(r"</svg>(.*?)</p>", html[start : html.index("</div>", start)], re.DOTALL)
    return unescape(said[1]).strip() if said else ""
