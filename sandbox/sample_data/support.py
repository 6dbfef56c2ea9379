"""What sample users asked our support: one question was answered, two wait."""

from datetime import datetime, timedelta

from accounts.models import User
from billing.models import SupportRequest
from billing.services import support
from sandbox.sample_data.people import ALICE, BOB, CARLA, STELLA, Person

ANSWERED = "Why did one run of my report cost more?"
REPORT = (
    "My weekly report usually takes some 80 credits. A recent run took a good deal more, and I changed nothing.\n\n"
    "Can I see what it spent them on?"
)
SIGN_IN = (
    "From January on all of our people are to sign in through our identity provider."
    " Who sets that up with us, and how long does it take?"
)
TRANSFER = "My association has no credit card. We need 1,000 credits twice a year."
QUESTIONS = {
    BOB: (timedelta(days=6), SupportRequest.Topic.CREDITS, ANSWERED, REPORT),
    CARLA: (timedelta(hours=20), SupportRequest.Topic.OTHER, "Sign-in through our own identity provider", SIGN_IN),
    ALICE: (timedelta(days=2), SupportRequest.Topic.PAYMENTS, "Can I pay for a pack by bank transfer?", TRANSFER),
}
ANSWER = (
    "You can: open History, choose the feature Workflow Execution, and click the run. Its receipt lists every node"
    " with its price.\n\nThe run you mean read three documents instead of one, at 10 credits each, and its report was"
    " twice as long as usual."
)


def ask(person: Person, user: User, *, now: datetime) -> None:
    """Ask somebody's question, if they have one and once, and let Stella answer Bob's a few hours later."""
    if person not in QUESTIONS or SupportRequest.objects.filter(wallet=user.wallet).exists():
        return
    ago, topic, subject, message = QUESTIONS[person]
    request = support.ask(wallet=user.wallet, topic=topic, subject=subject, message=message, now=now - ago)
    if subject == ANSWERED:
        stella = User.objects.get(email=STELLA.email)
        support.answer(request_id=request.pk, text=ANSWER, actor=stella, now=now - ago + timedelta(hours=3))
