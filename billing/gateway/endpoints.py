"""Where Stripe sends its events."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from stripe import WebhookEndpoint

from billing.gateway.client import PAGE, asks_stripe, client
from billing.gateway.events import API_VERSION
from billing.gateway.facts import EndpointFacts

if TYPE_CHECKING:
    from stripe.params import WebhookEndpointCreateParams, WebhookEndpointUpdateParams


@asks_stripe
def fetch_endpoints() -> list[EndpointFacts]:
    """Return the webhook endpoints of our key's mode, without their secrets."""
    return [_facts(endpoint) for endpoint in client().v1.webhook_endpoints.list({"limit": PAGE}).auto_paging_iter()]


@asks_stripe
def create_endpoint(*, url: str, types: Sequence[str]) -> EndpointFacts:
    """Let Stripe send events of these types, in the library's version, to a URL; the answer has the secret."""
    params = {"url": url, "enabled_events": [*types], "api_version": API_VERSION, "description": "CleverAI Credits"}
    return _facts(client().v1.webhook_endpoints.create(cast("WebhookEndpointCreateParams", params)))


@asks_stripe
def change_endpoint(*, endpoint_id: str, types: Sequence[str]) -> EndpointFacts:
    """Let an endpoint have events of these types, switched on. Its version stays what it was made with."""
    params = {"enabled_events": [*types], "disabled": False}
    return _facts(client().v1.webhook_endpoints.update(endpoint_id, cast("WebhookEndpointUpdateParams", params)))


def _facts(endpoint: WebhookEndpoint) -> EndpointFacts:
    return EndpointFacts(
        id=endpoint.id,
        url=endpoint.url,
        api_version=endpoint.api_version or "",
        is_enabled=endpoint.status == "enabled",
        types=tuple(endpoint.enabled_events),
        secret=getattr(endpoint, "secret", None) or "",
    )
