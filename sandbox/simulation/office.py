"""What staff, Stripe and banks do to a person's wallet, each through the service that the admin calls for it."""

from datetime import timedelta
from functools import partial

from accounts.models import User
from billing.errors import InvalidRequest
from billing.models import Grant, Purchase, Refund
from billing.services import grants, refunds, subscriptions, wallets
from billing.units import format_credits
from sandbox.simulation.life import Life


def give(life: Life, amount: int) -> None:
    """Give `amount` millicredits as goodwill; take as much where it is negative, as far as there is something."""
    try:
        entry = grants.adjust(
            wallet_id=life.wallet_ids[-1],
            amount=amount,
            reason="A bad afternoon." if amount > 0 else "Given by mistake.",
            actor=_staff(life),
            key=life.key("adjustment"),
            now=life.machine.now(),
        )
    except InvalidRequest:
        life.tell("staff find nothing to take")
        return
    change = entry.available_change
    life.tell(f"staff {'give' if change > 0 else 'take'} {format_credits(abs(change))}")


def promote(life: Life, amount: int, *, days: int, ahead: int = 0) -> None:
    """Give promotional credits for so many days, which begin so many days ahead."""
    starts_at = life.machine.now() + timedelta(days=ahead)
    grants.issue(
        wallet_id=life.wallet_ids[-1],
        source=Grant.Source.PROMOTIONAL,
        amount=amount,
        business_key=life.key("promotion"),
        effective_at=starts_at,
        expires_at=starts_at + timedelta(days=days),
        now=life.machine.now(),
    )
    life.tell(f"{format_credits(amount)} promotional for {days} days")


def suspend(life: Life) -> None:
    """Suspend the wallet: new use is refused, open holds settle."""
    wallets.suspend(wallet_id=life.wallet_ids[-1], reason="We are looking into a payment.", now=life.machine.now())
    life.tell("suspended")


def resume(life: Life) -> None:
    """Let a suspended wallet be used again."""
    wallets.resume(wallet_id=life.wallet_ids[-1])
    life.tell("suspension over")


def begin_contract(life: Life, allowance: int | None) -> None:
    """Put the wallet on a contract: unlimited, or so many millicredits a month."""
    subscriptions.begin_contract(wallet_id=life.wallet_ids[-1], allowance=allowance, now=life.machine.now())
    life.tell("contract, unlimited" if allowance is None else f"contract, {format_credits(allowance)} a month")


def end_contract(life: Life) -> None:
    """End the contract: the wallet is on Free again."""
    subscriptions.return_to_free(wallet_id=life.wallet_ids[-1], now=life.machine.now())
    life.tell("contract ends")


def refund(life: Life, *, packs: bool, share: int) -> None:
    """Refund `share` percent of what is left of the last payment for a pack, or for a month of Pro."""
    for purchase in life.purchases(packs=packs)[-1:]:
        left = refunds.preview(purchase=purchase, cents=0).cents_left
        if cents := left * share // 100:
            _refund(life, purchase, cents)


def _refund(life: Life, purchase: Purchase, cents: int) -> Refund:
    life.tell(f"refund of {dollars(cents)}")
    return refunds.request(
        purchase=purchase,
        cents=cents,
        actor=_staff(life),
        reason="They asked kindly.",
        key=life.key("refund"),
        now=life.machine.now(),
    )


def dispute(life: Life, *, share: int, won_after_days: int | None = None, lost_after_days: int | None = None) -> None:
    """Let a bank take back `share` percent of the last pack's payment, until it is won or lost."""
    for purchase in life.purchases(packs=True)[-1:]:
        left = refunds.preview(purchase=purchase, cents=0).cents_left
        if not (cents := left * share // 100):
            return
        opened = life.machine.engine.dispute(purchase.stripe_payment_intent_id, cents)
        life.tell(f"disputes {dollars(cents)}")
        for days, status in ((won_after_days, "won"), (lost_after_days, "lost")):
            if days is not None:
                life.later(partial(_close, life, str(opened["id"]), status), days=days)


def _close(life: Life, dispute_id: str, status: str) -> None:
    life.machine.engine.close_dispute(dispute_id, status)
    life.tell(f"dispute {status}")


def dollars(cents: int) -> str:
    """Return an amount of money as people read it."""
    return f"${cents // 100:,}.{cents % 100:02}"


def _staff(life: Life) -> User:
    if life.staff is None:
        raise AssertionError("Staff don't help themselves.")
    return life.staff
