"""Deleting an account: the one act that ends a login, its wallet's ownership and what is paid for it."""

from datetime import datetime

from accounts import leaving
from accounts.models import User
from billing.errors import InvalidRequest
from billing.models import Wallet
from billing.queue import hint
from billing.services import farewells
from billing.services.transactions import in_one_transaction


@in_one_transaction
def delete_account(*, user_id: int, now: datetime) -> bool:
    """Delete a person for good; return whether there was one. Doing it twice, also at once, does it once.

    The login, sessions and all words go in this transaction; a worker ends what is paid at Stripe and sends a last
    mail (`services.farewells`). Raises InvalidRequest for the last superuser: nobody could give rights any more.
    """
    wallet_id = Wallet.objects.filter(owner_id=user_id).values_list("pk", flat=True).first()
    if wallet_id is not None:
        Wallet.objects.select_for_update(no_key=True).get(pk=wallet_id)
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return False
    if user.is_superuser:  # of two who leave at the same moment the second sees that the first has gone
        list(User.objects.select_for_update().filter(is_superuser=True).order_by("pk").values_list("pk"))
    if leaving.is_last_superuser(user):
        raise InvalidRequest(
            "You are the only superuser, so nobody could give rights to staff after you. Make somebody else one first."
        )
    if wallet_id is not None:
        farewell = farewells.begin(wallet_id=wallet_id, address=user.email, now=now)
        hint(farewells.SAY, farewell.pk)
    leaving.remove(user)
    return True
