"""The servers CleverAI stands on, embedded: used only where the developer has not named their own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandbox import environment
from sandbox.servers import processes
from sandbox.servers.postgres import Postgres
from sandbox.servers.stripe import Stripe
from sandbox.servers.valkey import Valkey

STRIPE = {"STRIPE_SECRET_KEY", "STRIPE_API_BASE"}


@contextmanager
def running(
    data: Path, *, durable: bool = True, with_stripe: bool = True, site_url: str | None = None
) -> Iterator[dict[str, str]]:
    """Start what is missing, keep its data below `data`, and yield the environment variables that lead to it.

    A server whose address is already given is left alone; Stripe is one whose key is. Everything started here is
    stopped on the way out. `site_url` is where Stripe's webhooks go.
    """
    given = environment.given()
    found: dict[str, str] = {}
    with ExitStack() as stack:
        starts = []
        if "REDIS_URL" not in given:
            valkey = Valkey(data / "valkey", durable=durable)
            stack.callback(_stop, valkey)
            starts.append(valkey.start)
        if "DATABASE_URL" not in given:
            postgres = Postgres(data / "postgres", durable=durable)
            stack.callback(_stop, postgres)
            starts.append(postgres.start)
        if with_stripe := with_stripe and not STRIPE & given.keys():
            stripe = Stripe(data / "stripe", site_url=site_url)
            stack.callback(_stop, stripe)
            starts.append(stripe.start)
        with ThreadPoolExecutor(max_workers=3) as pool:
            for outcome in [pool.submit(start) for start in starts]:
                outcome.result()
        if "REDIS_URL" not in given:
            found["REDIS_URL"] = valkey.url
        if "DATABASE_URL" not in given:
            postgres.create_database(environment.DATABASE)
            found["DATABASE_URL"] = postgres.url(environment.DATABASE)
        if with_stripe:
            found["STRIPE_API_BASE"] = stripe.url
        yield found


def _stop(server: Postgres | Valkey | Stripe) -> None:
    with processes.undisturbed():
        server.stop()
