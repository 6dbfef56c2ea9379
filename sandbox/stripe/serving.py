"""Which account a request is about: each application answers for one engine."""

from typing import cast

from flask import Flask, current_app

from sandbox.stripe.engine import Engine

NAME = "engine"


def serve(app: Flask, engine: Engine) -> None:
    """Let an application answer for an engine."""
    app.extensions = {**app.extensions, NAME: engine}


def engine() -> Engine:
    """Return the engine of the application that answers."""
    return cast("Engine", current_app.extensions[NAME])
