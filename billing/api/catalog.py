"""What can be used, what it costs, and the plans; and what a use would cost."""

from datetime import datetime

from django.utils import timezone
from ninja import Router

from billing import metering
from billing.api.answers import FeatureAnswer, Features, PlanAnswer, Plans, Price, QuoteAnswer, optional_credits
from billing.api.callers import ApiRequest, Scope, require
from billing.api.document import refuses
from billing.api.problems import INVALID_QUANTITY, NO_PRICE, UNKNOWN_FEATURE
from billing.api.schemas import QuoteRequest
from billing.models import Feature, Plan
from billing.selectors import catalog
from billing.selectors.catalog import Catalog
from billing.units import plain_credits

router = Router(tags=["Catalog"])


@router.get("/features", response=Features, operation_id="list_features", openapi_extra=refuses())
def list_features(request: ApiRequest) -> Features:
    """List what can be used, with the price in force and those announced."""
    now, known = timezone.now(), catalog.fresh()
    return Features(items=[_feature(feature, known, now) for feature in known.in_order()])


@router.get("/plans", response=Plans, operation_id="list_plans", openapi_extra=refuses())
def list_plans(request: ApiRequest) -> Plans:
    """List the plans."""
    return Plans(items=[_plan(plan) for plan in Plan.objects.all()])


@router.post(
    "/quotes",
    response=QuoteAnswer,
    operation_id="quote",
    openapi_extra=refuses(UNKNOWN_FEATURE, NO_PRICE, INVALID_QUANTITY, scope=Scope.QUOTE),
)
def quote(request: ApiRequest, body: QuoteRequest) -> QuoteAnswer:
    """Say what a use would cost now. Nothing is spent or set aside."""
    require(request, Scope.QUOTE)
    use = metering.quote(feature=body.feature, quantity=body.quantity, priced_as=body.priced_as, now=timezone.now())
    return QuoteAnswer(
        feature=use.feature,
        priced_as=use.priced_as,
        quantity=use.quantity,
        unit=catalog.unit_of(use.priced_as),
        cost=plain_credits(use.cost),
        price=Price.of(use.price),
    )


def _feature(feature: Feature, known: Catalog, now: datetime) -> FeatureAnswer:
    price = known.price_if_any(feature.code, now)
    return FeatureAnswer(
        code=feature.code,
        name=feature.name,
        group=feature.group,
        unit=known.unit_of(feature.code),
        pricing=feature.pricing,
        price=Price.of(price) if price else None,
        upcoming=[Price.of(later) for later in known.prices_after(feature.code, now)],
    )


def _plan(plan: Plan) -> PlanAnswer:
    return PlanAnswer(
        code=plan.code,
        name=plan.name,
        price_cents=plan.price_cents,
        monthly_credits=optional_credits(plan.allowance),
        chatbots=plan.chatbot_limit,
        support=plan.support,
        advanced_analytics=plan.has_advanced_analytics,
        api_access=plan.has_api_access,
        custom_integrations=plan.has_custom_integrations,
        sla=plan.has_sla,
    )
