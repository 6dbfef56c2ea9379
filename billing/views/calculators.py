"""The cost calculator: a part of several pages, told by their addresses (`?chats=500&tokens=1200&images=20`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from billing.models import Pack, Plan
from billing.selectors import calculator as selectors
from billing.selectors import catalog
from billing.selectors.calculator import Amount, Calculation, Measure
from billing.views.wallets import as_signed_in, wants_fragment

EXAMPLE = {"chats": "500", "tokens": "1200", "images": "20"}
LARGEST, LONGEST_SHOWN, LONGEST_KEPT = 1_000_000, 40, 200


@dataclass(frozen=True, slots=True)
class Asked:
    """One number that the calculator asks for: as it was typed, as it is understood, or what is wrong with it."""

    name: str
    label: str
    hint: str
    text: str
    number: int
    error: str


@dataclass(frozen=True, slots=True)
class Calculator:
    """What `billing/_calculator.html` shows: the numbers asked for, what they come to, and choices left out.

    `kept` are the parameters of the page that aren't the calculator's.
    """

    fields: tuple[Asked, ...]
    result: Calculation
    ignored: tuple[str, ...]
    kept: tuple[tuple[str, str], ...]


def read_calculator(
    parameters: Mapping[str, str], *, example: Mapping[str, str] = EXAMPLE, now: datetime
) -> Calculator:
    """Return the calculator for an address's parameters, or for the example where they name none of its numbers."""
    known = catalog.fresh()
    measures = selectors.measures(known, now=now)
    names = {name for measure in measures for name in (measure.uses, measure.size) if name}
    given = parameters if names & set(parameters) else example
    fields = [field for measure in measures for field in _fields(measure, given)]
    numbers = {field.name: field.number for field in fields}
    choices = {measure.unit: parameters.get(measure.choice, "") for measure in measures}
    result = selectors.calculate(
        catalog=known,
        plans=list(Plan.objects.all()),
        packs=list(Pack.objects.filter(is_on_sale=True)),
        amounts={measure.unit: Amount(numbers[measure.uses], numbers.get(measure.size, 1)) for measure in measures},
        choices=choices,
        now=now,
    )
    ours = names | {measure.choice for measure in measures}
    kept = ((name, value) for name, value in parameters.items() if name not in ours and len(value) <= LONGEST_KEPT)
    return Calculator(tuple(fields), result, tuple(_unknown_choices(measures, choices)), tuple(kept))


@require_safe
@cache_control(no_cache=True)
@login_not_required
def calculator(request: HttpRequest) -> HttpResponse:
    """Answer the calculator of any page; whoever comes here without one is led to the page of prices."""
    signed_in = as_signed_in(request)
    if not wants_fragment(signed_in):
        return redirect(f"{reverse('pricing')}?{request.GET.urlencode()}#calculator")
    context = {"calculator": read_calculator(request.GET.dict(), now=timezone.now()), "is_answer": True}
    response = render(request, "billing/_calculator_answer.html", context)
    if page := signed_in.htmx.current_url_abs_path:
        response["HX-Replace-Url"] = _address_on(page, request.GET)
    return response


def _fields(measure: Measure, given: Mapping[str, str]) -> list[Asked]:
    """Return the number of uses, and the size of each where that is asked for too."""
    hint = measure.features[0].name if len(measure.features) == 1 else ""
    uses = _asked(measure.uses, measure.uses.capitalize(), hint, given)
    if not measure.size:
        return [uses]
    size = _asked(measure.size, f"{measure.size.capitalize()} each", "", given)
    if uses.number and not size.number and not size.error:
        size = replace(size, error=f"How many {measure.size} each?")
    return [uses, size]


def _asked(name: str, label: str, hint: str, given: Mapping[str, str]) -> Asked:
    text = given.get(name, "")
    digits = "".join(text.replace(",", "").split()).lstrip("0")
    number, error = 0, ""
    if digits and not (digits.isascii() and digits.isdecimal()):
        error = "Whole numbers only."
    elif len(digits) > len(str(LARGEST)) or int(digits or 0) > LARGEST:
        error = f"At most {LARGEST:,}."
    else:
        number = int(digits or 0)
    return Asked(name, label, hint, text[:LONGEST_SHOWN], number, error)


def _unknown_choices(measures: Sequence[Measure], choices: Mapping[str, str]) -> list[str]:
    """Return the choices that name no feature of theirs, as the address has them."""
    return [
        f"{measure.choice} “{choices[measure.unit][:LONGEST_SHOWN]}”"
        for measure in measures
        if choices[measure.unit] not in {"", *(feature.pk for feature in measure.features)}
    ]


def _address_on(page: str, asked: QueryDict) -> str:
    """Return the address of a page with what was asked in it, beside what was there, and without empty fields."""
    parts = urlsplit(page)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in asked]
    given = [(name, value) for name, value in asked.items() if value] or list(asked.items())
    return f"{parts.path}?{urlencode([*kept, *given])}"
