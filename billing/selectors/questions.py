"""Questions that everybody asks about credits and money, answered with the catalog's figures. Plain text."""

from dataclasses import dataclass

from billing.models import Plan
from billing.selectors import words
from billing.selectors.offer import Offer


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its answer."""

    question: str
    answer: str


def about_credits(offer: Offer) -> list[Question]:
    """Return the questions about using credits."""
    return [
        Question("What happens if I run out of credits?", _when_out(offer)),
        Question(
            "Can I get a refund for unused credits?",
            "Monthly credits don’t roll over and are non-refundable. Purchased credit packs don’t expire.",
        ),
        Question("How are credits calculated for long conversations?", _long_conversations(offer)),
        Question(
            "Do chatbot conversations use my credits?",
            "Yes, chatbot messages consume credits based on the AI model selected for the chatbot. Your usage shows"
            " both the chatbot and the model.",
        ),
        Question(
            "Which credits are spent first?",
            "Credits that expire first are spent first; then the oldest. So your monthly credits go before packs.",
        ),
        Question(
            "What does work cost that fails?",
            "Nothing. Credits are set aside before work whose cost isn’t known yet. When it is done, it takes what it"
            " really cost and the rest returns; when it fails, all of it returns.",
        ),
        Question(
            "What does a workflow cost?",
            "The sum of its nodes: each node that uses a priced feature costs what that feature costs, any other node"
            " is free. The nodes of one run are charged together, all or nothing.",
        ),
        Question(
            "Does a new price change what I have used already?",
            "No. Each charge keeps the price it was made at. A price that will change is announced on this page.",
        ),
    ]


def about_money(offer: Offer) -> list[Question]:
    """Return the questions about paying."""
    found = [
        Question(
            "Do credits expire?",
            "Monthly credits are reset on the first day of each billing cycle; what is unused does not roll over. Packs"
            " never expire, and survive every plan change, reset, failed payment and cancellation.",
        ),
        Question(
            "How do I pay?",
            "By card, in US dollars, on Stripe’s pages. Card data never comes to us. Credits are yours as soon as"
            " Stripe has the money.",
        ),
        Question(
            "Is there anything to pay that I don’t see here?",
            "No. A feature costs its price times what you used, to a thousandth of a credit, and never a started"
            " thousand. Every charge has a receipt.",
        ),
        Question(
            "Can I get a refund for unused credits?",
            "Monthly credits don’t roll over and are non-refundable. Purchased credit packs don’t expire.",
        ),
    ]
    if offer.free_plan and any(plan.price_cents for plan in offer.plans):
        found += _about_changing_plans(offer.free_plan)
    return found


def _when_out(offer: Offer) -> str:
    said = (
        "You can purchase additional credits or wait for your monthly reset. Some features may be limited: each tells"
        " you what it needs, what you have and where to buy."
    )
    names = _listed([feature.name for feature in offer.free_features])
    return f"{said} {names} stay{'s' if len(offer.free_features) == 1 else ''} free at zero." if names else said


def _long_conversations(offer: Offer) -> str:
    said = "Credits are based on total tokens (input + output). Longer conversations use more tokens."
    if offer.example is None:
        return said
    example = offer.example
    return (
        f"{said} You pay for what you use, not for a started thousand: {example.quantity:,} tokens on"
        f" {example.feature.name} cost {words.credits_words(example.cost)}."
    )


def _about_changing_plans(free: Plan) -> list[Question]:
    return [
        Question(
            "What happens when I upgrade?",
            f"Your new plan’s credits begin the moment it is paid, and what is left of {free.name}’s monthly credits"
            " ends. Packs stay, and paused chatbots resume.",
        ),
        Question(
            "Can I cancel at any time?",
            f"Yes. A paid plan stays until the end of the period you paid for; then you are on {free.name}. Nothing you"
            " made is deleted: chatbots above the smaller plan’s limit are paused, the newest first.",
        ),
        Question(
            "What if a payment fails?",
            "Stripe tries again for a while, and we tell you. Until it succeeds there are no new monthly credits, but"
            f" packs can be used. If it doesn’t, you are on {free.name}.",
        ),
    ]


def _listed(names: list[str]) -> str:
    """Return names as a sentence lists them: "A", "A and B", "A, B and C"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
