"""The sandbox as a WSGI application.

    gunicorn "sandbox.stripe.server:application()" --bind 127.0.0.1:12111 --workers 1 --threads 8

One worker: everything is in its memory. The environment says the rest, and needs to say nothing:
STRIPE_SANDBOX_DATA (the journal's path), STRIPE_SANDBOX_URL (its own address, for links), STRIPE_SECRET_KEY (the key it
accepts), STRIPE_SANDBOX_WEBHOOK_URL and STRIPE_WEBHOOK_SECRETS (where events go, and the first of them signs).
"""

import os
from copy import copy
from functools import cache
from pathlib import Path

from flask import Flask

from sandbox.stripe import api, control, endpoints, portal, serving
from sandbox.stripe.delivery import Delivery
from sandbox.stripe.engine import Engine
from sandbox.stripe.pages import blueprint as pages
from sandbox.stripe.store import Store

SECRET_KEY = "sk_test_sandbox"
URL = "http://127.0.0.1:12111"
LINKS = {
    "billing_portal.session": "url",
    "charge": "receipt_url",
    "checkout.session": "url",
    "invoice": "hosted_invoice_url",
}
WEBHOOK_SECRET = "whsec_sandbox_clever_credits"
LISTENED_TO = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "refund.created",
    "refund.failed",
    "refund.updated",
)
"""The events that go to the address in the environment: those that the product asks Stripe for."""


def build(engine: Engine, *, secret_key: str = SECRET_KEY) -> Flask:
    """Return the API, the control API and the pages over an engine."""
    app = copy(_without_engine(secret_key))
    serving.serve(app, engine)
    with engine.acting():
        portal.default_configuration(engine)
    return app


@cache
def _without_engine(secret_key: str) -> Flask:
    """Return what applications have in common: making the routes takes longer than most of what is asked of them."""
    app = Flask("sandbox.stripe", static_folder=None)
    app.register_blueprint(api.blueprint(secret_key))
    app.register_blueprint(control.blueprint())
    app.register_blueprint(pages)
    return app


def application(path: str | Path | None = None) -> Flask:
    """Return the sandbox that the environment describes, delivering. Its journal is `path`, or STRIPE_SANDBOX_DATA."""
    store = Store(path or os.environ.get("STRIPE_SANDBOX_DATA") or None)
    engine = Engine(store, base_url=os.environ.get("STRIPE_SANDBOX_URL", URL))
    move(engine)
    app = build(engine, secret_key=os.environ.get("STRIPE_SECRET_KEY") or SECRET_KEY)
    secrets = os.environ.get("STRIPE_WEBHOOK_SECRETS") or WEBHOOK_SECRET
    listen(engine, os.environ.get("STRIPE_SANDBOX_WEBHOOK_URL"), secrets.split(",")[0].strip())
    delivery = Delivery(engine)
    app.extensions["delivery"] = delivery
    delivery.start()
    return app


def move(engine: Engine) -> None:
    """Let the links in the journal lead to the sandbox's present address, if it has moved to another port."""
    with engine.acting():
        before = engine.store.state.get("base_url", engine.base_url)
        engine.store.state = {**engine.store.state, "base_url": engine.base_url}
        if before == engine.base_url:
            return
        for kind, field in LINKS.items():
            for item in engine.store.all(kind):
                if (item.get(field) or "").startswith(f"{before}/"):
                    engine.change(item, **{field: engine.base_url + item[field].removeprefix(before)})


def listen(engine: Engine, url: str | None, secret: str) -> None:
    """Let the one endpoint that the environment names get the product's events, as `stripe listen` would."""
    with engine.acting():
        known = [item for item in engine.all("webhook_endpoint") if item.get("_from_environment")]
        for endpoint in known:
            changes = {"url": url or endpoint["url"], "status": "enabled" if url else "disabled", "_secret": secret}
            engine.change(endpoint, enabled_events=list(LISTENED_TO), **changes)
        if url and not known:
            endpoint = endpoints.add(engine, url=url, enabled_events=list(LISTENED_TO), secret=secret)
            engine.change(endpoint, _from_environment=True)
