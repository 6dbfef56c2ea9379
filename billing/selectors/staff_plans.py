"""Who is on which plan now, and what that brings in a month."""

from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from billing.models import Plan, StripeSubscription, Subscription

Status = Subscription.Status
#: Stripe collects money for these, or tries to again.
COLLECTED = ("active", "past_due")


@dataclass(frozen=True, slots=True)
class PlanCount:
    """How many wallets are on a plan now, and how many of them are past due or leave it with this cycle."""

    plan: Plan
    active: int
    past_due: int
    cancelling: int


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans in their order, and the money that subscriptions at Stripe come to a month, in cents.

    `ending_cents` and `past_due_cents` are the parts of it that were cancelled, and that the last payment failed for.
    Contracts are no part of it: nothing here knows what they cost.
    """

    counts: tuple[PlanCount, ...]
    paying: int
    monthly_cents: int
    ending_cents: int
    past_due_cents: int

    @property
    def active(self) -> int:
        """All wallets on a plan."""
        return sum(count.active for count in self.counts)

    @property
    def past_due(self) -> int:
        """Those whose last payment failed."""
        return sum(count.past_due for count in self.counts)

    @property
    def contracts(self) -> int:
        """Those on a plan without a price, by contract."""
        return sum(count.active for count in self.counts if count.plan.price_cents is None)


def plans() -> Plans:
    """Return who is on which plan now. Who has left, or was erased on Free, is on none."""
    found: dict[str, dict[str, int]] = {}
    rows = Subscription.objects.exclude(status=Status.ENDED).values_list("plan", "status").annotate(number=Count("pk"))
    for plan, status, number in rows.order_by():
        found.setdefault(plan, {})[status] = number
    counts = tuple(
        PlanCount(plan, sum(of.values()), of.get(Status.PAST_DUE, 0), of.get(Status.CANCELLING, 0))
        for plan in Plan.objects.all()
        if (of := found.get(plan.pk, {})) or plan.price_cents is not None
    )
    money = StripeSubscription.objects.filter(status__in=COLLECTED).aggregate(
        paying=Count("pk"),
        monthly=Sum("price__cents", default=0),
        ending=Sum("price__cents", default=0, filter=Q(cancel_at__isnull=False)),
        past_due=Sum("price__cents", default=0, filter=Q(status="past_due")),
    )
    return Plans(counts, money["paying"], money["monthly"], money["ending"], money["past_due"])
