"""The staff's first page: whether everything keeps up, and the figures, each with the list behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.timesince import timesince

from billing.admin.tables import Cell, Table, credits_cell, figure, words
from billing.selectors import queues, staff_figures, staff_plans
from billing.selectors.messages import dollars_words as dollars
from billing.selectors.queues import BAD, GOOD, WARNING, Queue
from billing.selectors.staff_figures import CHOICES, Figures, Trend
from billing.selectors.staff_liability import Liability, liability
from billing.selectors.staff_plans import Plans
from billing.selectors.words import about, days_words
from billing.services import clockwork
from billing.services.clockwork import Beat

SEES_HEALTH, SEES_FIGURES = "billing.view_ledgerentry", "billing.view_purchase"
PROOF = "prove_books"
#: Which list shows what waits, or was given up: the model, and the list's filter.
LISTS = {
    "event": ("stripeevent", {"trouble": "yes"}),
    "mail": ("message", {"trouble": "yes"}),
    "hold": ("hold", {"status__exact": "open"}),
    "reset": ("wallet", {"due": "yes"}),
    "export": ("export", {"status__in": "requested,writing,failed"}),
    "refund": ("refund", {"status__exact": "requested"}),
    "farewell": ("farewell", {"unfinished": "yes"}),
}


@dataclass(frozen=True, slots=True)
class Check:
    """A part of the health strip: its state, a word for it, and where to look."""

    label: str
    state: str
    words: str
    url: str

    @property
    def state_word(self) -> str:
        """What its colour says."""
        return {GOOD: "good", WARNING: "look", BAD: "bad"}[self.state]


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure of this moment, in words, and where its rows are listed."""

    label: str
    value: str
    note: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A figure with its trend: `value` and `note` are words, `url` leads to the rows behind it or nowhere."""

    label: str
    value: str
    trend: Trend
    note: str
    url: str
    drawing: str


def context(request: HttpRequest) -> dict[str, object]:
    """Return what the page shows to this member of staff, as of now."""
    found: dict[str, object] = {}
    if request.user.has_perm(SEES_HEALTH):
        beats = clockwork.beats()
        found["late"] = [each for each in beats if each.is_late]
        found["checks"] = [_proof(beats), _heartbeat(beats), *(_queue(request, each) for each in queues.read())]
    if request.user.has_perm(SEES_FIGURES):
        figures = staff_figures.figures(staff_figures.chosen(request.GET.get("span", ""), now=timezone.now()))
        plans, owed = staff_plans.plans(), liability(figures.lots)
        links = _links(request, figures)
        found |= {
            "figures": figures,
            "spans": CHOICES,
            "headlines": _headlines(plans, owed, links),
            "cards": _cards(figures, links),
            "tables": [_plans(request, plans), _liability(owed, links["outstanding"])],
            "twin": _twin(figures),
        }
    return found


def _headlines(plans: Plans, owed: Liability, links: dict[str, str]) -> list[Headline]:
    """Return the figures of this moment."""
    ending = f"{dollars(plans.ending_cents)} of it was cancelled" if plans.ending_cents else "None of it was cancelled"
    contracts = f"{plans.contracts:,} contract{pluralize(plans.contracts)} on top, without a price here"
    late = f"{dollars(plans.past_due_cents)} a month is waited for" if plans.past_due else "Nothing is waited for"
    return [
        Headline("On a plan", f"{plans.active:,}", f"{plans.paying:,} of them pay by card", links["subscriptions"]),
        Headline("Monthly revenue", dollars(plans.monthly_cents), f"{ending}; {contracts}", links["monthly"]),
        Headline("Past due now", f"{plans.past_due:,}", late, links["past_due"]),
        Headline(
            "Outstanding credits",
            about(owed.outstanding),
            f"Worth {dollars(owed.cents)}; see below",
            links["outstanding"],
        ),
    ]


def _cards(figures: Figures, links: dict[str, str]) -> list[Card]:
    """Return what happened in the span."""
    packs, plans = dollars(figures.pack_cents), dollars(figures.plan_cents)
    shown: list[tuple[str, str, Callable[[int], str], str]] = [
        (staff_figures.SOLD, "Credits sold", about, "In packs and with paid plans"),
        (staff_figures.USED, "Credits used", about, "What use cost, unlimited wallets’ too"),
        (staff_figures.EXPIRED, "Credits expired", about, "Left over when their time was up"),
        (staff_figures.PAID, "Paid", dollars, f"{packs} for packs, {plans} for plans"),
        (staff_figures.FAILED, "Failed payments", "{:,}".format, "Of plans, each month counted once"),
        (staff_figures.SIGN_UPS, "Sign-ups", "{:,}".format, "People who have left since included"),
    ]
    cards = []
    for measure, label, in_words, note in shown:
        trend = figures.trends[measure]
        highest = max(trend.amounts, default=0)
        drawing = f"{label} by {figures.step}: at most {in_words(highest)}."
        cards.append(Card(label, in_words(trend.total), trend, note, links[measure], drawing))
    return cards


def _plans(request: HttpRequest, plans: Plans) -> Table:
    def cell(number: int, **query: str) -> Cell:
        return Cell(f"{number:,}", url=_list(request, "subscription", **query) if number else "", is_figure=True)

    return Table(
        title="Plans now",
        columns=["Plan", "On it", "Past due", "Ends with this cycle"],
        rows=[
            [
                words(count.plan.name),
                cell(count.active, plan__code__exact=count.plan.pk),
                cell(count.past_due, plan__code__exact=count.plan.pk, status__exact="past_due"),
                cell(count.cancelling, plan__code__exact=count.plan.pk, status__exact="cancelling"),
            ]
            for count in plans.counts
        ],
        empty="There are no plans.",
    )


def _liability(owed: Liability, url: str) -> Table:
    rows = [
        [words(line.label), credits_cell(line.outstanding), _money(line.cents), words(line.rule)] for line in owed.lines
    ]
    total = [words("Together"), credits_cell(owed.outstanding), _money(owed.cents), words("the sum of the lines")]
    return Table(
        title="What people still have, held credits included",
        columns=["Credits", "Outstanding", "In USD", "How it is computed"],
        rows=[*rows, total],
        empty="",
        all_url=url,
        all_label="All grants that haven’t ended",
    )


def _twin(figures: Figures) -> Table:
    """Return the trends as a table: what the drawings show."""
    of = figures.trends
    return Table(
        title=f"By {figures.step}",
        columns=["Days", "Sold", "Used", "Expired", "Paid", "Failed payments", "Sign-ups"],
        rows=[
            [
                words(days_words(period.first, period.last)),
                *(credits_cell(of[measure].amounts[number]) for measure in ("sold", "used", "expired")),
                _money(of["paid"].amounts[number]),
                *(figure(of[measure].amounts[number]) for measure in ("failed_payments", "sign_ups")),
            ]
            for number, period in enumerate(figures.periods)
        ],
        empty="",
    )


def _money(cents: int) -> Cell:
    return Cell(dollars(cents), is_figure=True)


def _proof(beats: list[Beat]) -> Check:
    url = reverse("admin:billing_proof")
    beat = next(each for each in beats if each.task == PROOF)
    if not beat.has_run or beat.age is None:
        return Check("Last proof", WARNING, "Not proven yet", url)
    found = "every sum holds" if beat.figure == 0 else beat.outcome
    state = BAD if beat.figure != 0 else WARNING if beat.is_late else GOOD
    return Check("Last proof", state, f"{_ago(beat.age)}: {found}", url)


def _heartbeat(beats: list[Beat]) -> Check:
    late = [each.task for each in beats if each.is_late]
    words = f"Late: {', '.join(late)}" if late else "Every task in time"
    return Check("Clockwork", BAD if late else GOOD, words, reverse("admin:billing_proof"))


def _queue(request: HttpRequest, queue: Queue) -> Check:
    words = [f"Oldest: {_ago(queue.age)}"] if queue.age is not None else []
    if queue.given_up:
        words.append(f"{queue.given_up:,} given up")
    model, query = LISTS[queue.word]
    return Check(queue.label, queue.state, ", ".join(words) or "Nothing waits", _list(request, model, **query))


def _ago(age: timedelta) -> str:
    """Return an age in its largest unit: "3 hours ago"."""
    if age < timedelta(minutes=1):
        return "just now"
    now = timezone.now()
    return f"{timesince(now - age, now, depth=1)} ago"


def _links(request: HttpRequest, figures: Figures) -> dict[str, str]:
    """Return where each figure's rows are listed; what this member of staff may not read leads nowhere."""
    since = figures.span.begins_at.isoformat(sep=" ")
    return {
        "sold": _list(request, "purchase", fulfilled_at__gte=since),
        "paid": _list(request, "purchase", fulfilled_at__gte=since),
        "used": _list(request, "ledgerentry", kind__in="charge,capture", posted_at__gte=since),
        "expired": _list(request, "ledgerentry", kind__exact="expiry", posted_at__gte=since),
        "failed_payments": _list(request, "message", kind__exact="payment_failed", raised_at__gte=since),
        "past_due": _list(request, "subscription", status__exact="past_due"),
        "sign_ups": _list(request, "user", app="accounts", joined_at__gte=since),
        "outstanding": _list(request, "grant", closed_at__isnull="1"),
        "monthly": _list(request, "stripesubscription", status__in=",".join(staff_plans.COLLECTED)),
        "subscriptions": _list(request, "subscription"),
    }


def _list(request: HttpRequest, model: str, *, app: str = "billing", **query: str) -> str:
    """Return the address of a filtered list, or nothing where there is none for this member of staff."""
    if not request.user.has_perm(f"{app}.view_{model}"):
        return ""
    try:
        address = reverse(f"admin:{app}_{model}_changelist")
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode(query)}" if query else address
