"""The catalog of the credits documentation: features and their prices, plans, packs. Amounts in millicredits."""

from datetime import UTC, datetime

from django.db import migrations

LAUNCH = datetime(2023, 1, 1, tzinfo=UTC)
CREDIT = 1_000

# code, name, group, unit, pricing, credits, for every … base units
FEATURES = [
    ("gpt-4o-mini", "GPT-4o Mini", "chat", "token", "own", 1, 1_000),
    ("gpt-4o", "GPT-4o", "chat", "token", "own", 5, 1_000),
    ("claude-3.5-sonnet", "Claude 3.5 Sonnet", "chat", "token", "own", 3, 1_000),
    ("o1-preview", "O1 Preview", "chat", "token", "own", 15, 1_000),
    ("dall-e-3-standard", "DALL-E 3 Standard", "image", "image", "own", 40, 1),
    ("dall-e-3-hd", "DALL-E 3 HD", "image", "image", "own", 80, 1),
    ("stable-diffusion", "Stable Diffusion", "image", "image", "own", 10, 1),
    ("flux-pro", "Flux Pro", "image", "image", "own", 20, 1),
    ("web-search", "Web Search", "other", "search", "own", 5, 1),
    ("pdf-summary", "PDF Summary", "other", "document", "own", 10, 1),
    ("video-generation", "Video Generation", "other", "second", "own", 100, 60),
    ("workflow-execution", "Workflow Execution", "other", "run", "nodes", None, None),
    ("chatbot-message", "Chatbot Message", "other", "message", "model", None, None),
    ("analytics", "Analytics", "other", "report", "own", 0, 1),
    ("custom-training", "Custom Training", "other", "session", "own", 50, 1),
]

PLANS = [
    {
        "code": "free",
        "name": "Free",
        "price_cents": 0,
        "allowance": 100 * CREDIT,
        "chatbot_limit": 1,
        "support": "basic",
    },
    {
        "code": "pro",
        "name": "Pro",
        "price_cents": 29_00,
        "allowance": 5_000 * CREDIT,
        "chatbot_limit": 5,
        "support": "priority",
        "has_advanced_analytics": True,
        "has_api_access": True,
        "is_popular": True,
    },
    {
        "code": "enterprise",
        "name": "Enterprise",
        "price_cents": None,
        "allowance": None,
        "chatbot_limit": None,
        "support": "dedicated",
        "has_advanced_analytics": True,
        "has_api_access": True,
        "has_custom_integrations": True,
        "has_sla": True,
    },
]

PACKS = [
    {"code": "pack-1000", "name": "1,000 credits", "amount": 1_000 * CREDIT, "price_cents": 10_00},
    {"code": "pack-5000", "name": "5,000 credits", "amount": 5_000 * CREDIT, "price_cents": 45_00},
]


def load(apps, schema_editor):
    feature_model = apps.get_model("billing", "Feature")
    price_model = apps.get_model("billing", "FeaturePrice")
    for position, (code, name, group, unit, pricing, price, per) in enumerate(FEATURES, start=1):
        feature = feature_model.objects.create(
            code=code, name=name, group=group, unit=unit, pricing=pricing, position=position
        )
        if price is not None:
            price_model.objects.create(feature=feature, millicredits=price * CREDIT, per=per, starts_at=LAUNCH)
    for position, plan in enumerate(PLANS, start=1):
        apps.get_model("billing", "Plan").objects.create(position=position, **plan)
    for position, pack in enumerate(PACKS, start=1):
        apps.get_model("billing", "Pack").objects.create(position=position, **pack)


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_guards_and_quick_ways")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
