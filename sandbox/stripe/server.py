"""The sandbox as a WSGI application."""

import os
from pathlib import Path

from flask import Flask

from sandbox.stripe import api
from sandbox.stripe.engine import Engine
from sandbox.stripe.store import Store

SECRET_KEY = "sk_test_sandbox"
URL = "http://127.0.0.1:8200"


def build(engine: Engine, *, secret_key: str = SECRET_KEY) -> Flask:
    """Return the API and the pages over an engine."""
    app = Flask("sandbox.stripe", static_folder=None)
    app.extensions["engine"] = engine
    app.register_blueprint(api.blueprint(engine, secret_key))
    return app


def application(path: str | Path | None = None) -> Flask:
    """Return the sandbox that the environment describes. Its journal is `path`, or else STRIPE_SANDBOX_DATA."""
    store = Store(path or os.environ.get("STRIPE_SANDBOX_DATA") or None)
    engine = Engine(store, base_url=os.environ.get("STRIPE_SANDBOX_URL", URL))
    return build(engine, secret_key=os.environ.get("STRIPE_SECRET_KEY", SECRET_KEY))
