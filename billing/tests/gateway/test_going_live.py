"""What the README tells operators about Stripe is what the code does."""

import re

from django.conf import settings

from billing import gateway
from billing.services.inbox import TYPES


def going_live() -> str:
    text = (settings.BASE_DIR / "README.md").read_text()
    return text.split("## Going live with Stripe")[1].split("\n## ")[0]


def test_the_readme_names_the_version_and_the_events_of_the_endpoint() -> None:
    assert f"**{gateway.API_VERSION}**" in going_live()
    named = re.findall(r"`((?:checkout|invoice|customer|refund|charge)\.[a-z_.]+)`", going_live())
    assert sorted(named) == sorted([*TYPES, "invoice.created"])


def test_the_readme_names_the_address_of_the_endpoint_and_the_commands() -> None:
    assert going_live().count("/stripe/webhook/") == 2
    assert set(re.findall(r"manage\.py (\w+)", going_live())) == {"sync_stripe_catalog", "reconcile", "prove"}
