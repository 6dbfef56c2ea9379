"""Who on staff may do what: three groups, each with all that the one before it may do.

This table is the truth, and a test compares the database with it. Whoever changes it writes a migration that says what
is new, with `give` and `take`; a superuser may do everything, and only superusers put people into groups.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps as installed
from django.contrib.auth import get_permission_codename
from django.db.models import Model

logger = logging.getLogger(__name__)

SUPPORT, BILLING, OWNER = "support", "billing", "owner"
IN_ORDER = (SUPPORT, BILLING, OWNER)

#: What everybody in a group may read: all of billing.
READ = (
    "apikey", "chargereturn", "chatbot", "checkout", "contractrequest", "customer", "dailycredits", "dailyfigures",
    "dailyusage", "departure", "dispute", "entrynote", "entryshare", "export", "farewell", "feature", "featureprice",
    "formercustomer", "grant", "heartbeat", "hold", "ledgerentry", "mailpreference", "message", "notice", "pack",
    "plan", "proposal", "purchase", "reconciliationrun", "refund", "returnedcharge", "staffact", "stripeevent",
    "stripeprice", "stripesubscription", "subscription", "supportrequest", "usageline", "wallet", "walletreturn",
)  # fmt: skip

#: What each group may do beyond the one before it.
TABLE: Mapping[str, tuple[str, ...]] = {
    SUPPORT: (
        *(f"billing.view_{model}" for model in READ),
        "accounts.view_user",
        "billing.answer_support_request",
        "billing.resend_message",
        "billing.see_as_customer",
    ),
    BILLING: (
        "admin.view_logentry",
        "billing.adjust_wallet",
        "billing.refund_purchase",
        "billing.replay_stripeevent",
        "billing.return_charges",
        "billing.revoke_apikey",
        "billing.suspend_wallet",
    ),
    OWNER: (
        "accounts.change_user",
        "billing.add_apikey",
        "billing.add_feature",
        "billing.add_featureprice",
        "billing.add_pack",
        "billing.add_plan",
        "billing.approve_act",
        "billing.change_feature",
        "billing.change_pack",
        "billing.change_plan",
        "billing.set_contract",
        "mfa.delete_authenticator",
        "mfa.view_authenticator",
    ),
}


def permissions_of(group: str) -> set[str]:
    """Return all that members of a group may do, by the table: "app.codename"."""
    included = IN_ORDER[: IN_ORDER.index(group) + 1]
    return {permission for each in included for permission in TABLE[each]}


def give(apps: Any, gifts: Mapping[str, Iterable[str]]) -> None:
    """Add permissions to groups, for a migration: groups and permissions that aren't there yet are made.

    What a group is given, those after it get, too. A permission that no installed model has any longer is left out.
    """
    for position, name in enumerate(IN_ORDER):
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        theirs = [permission for each in IN_ORDER[: position + 1] for permission in gifts.get(each, ())]
        group.permissions.add(*filter(None, (_permission(apps, permission) for permission in theirs)))


def take(apps: Any, gifts: Mapping[str, Iterable[str]]) -> None:
    """Undo `give`: a group that has nothing left and nobody in it goes, one with people in it stays, empty."""
    for position, name in enumerate(IN_ORDER):
        group = apps.get_model("auth", "Group").objects.filter(name=name).first()
        if group is None:
            continue
        theirs = [permission for each in IN_ORDER[: position + 1] for permission in gifts.get(each, ())]
        group.permissions.remove(*filter(None, (_permission(apps, permission) for permission in theirs)))
        if group.permissions.exists():
            continue
        if group.user_set.exists():
            logger.warning("The group “%s” may do nothing any longer; it stays, because people are in it.", name)
        else:
            group.delete()


def _permission(apps: Any, named: str) -> Any:
    """Return the row of a permission, made if the tables of its app are younger than the group: None if it is gone."""
    app_label, _, codename = named.partition(".")
    for model in installed.get_app_config(app_label).get_models():
        label = _names(model).get(codename)
        if label is not None:
            content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
                app_label=app_label, model=model._meta.model_name
            )
            permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
                content_type=content_type, codename=codename, defaults={"name": label}
            )
            return permission
    return None


def _names(model: type[Model]) -> dict[str, str]:
    """Return the permissions of a model by their code names, called as Django calls them."""
    options = model._meta
    usual = {
        get_permission_codename(action, options): f"Can {action} {options.verbose_name_raw}"
        for action in options.default_permissions
    }
    return usual | {codename: str(label) for codename, label in options.permissions}
