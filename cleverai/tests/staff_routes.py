"""Who may open which page of the admin, and who may send something there: the table that `test_staff_access.py` tries.

The groups are nested, so that each page needs one word: whoever stands below it in the list of people is let in.
"""

from dataclasses import dataclass

ANYBODY_ON_STAFF, SUPPORT, BILLING, OWNER, SUPERUSER, NOBODY = range(6)
#: Addresses of the tables that Django's admin gives each model, after the model's own.
LIST, ADD, ROW = "", "add/", "<path:object_id>/change/"
HISTORY, DELETE = "<path:object_id>/history/", "<path:object_id>/delete/"
#: Django leads from here to the row.
OLD_ROW = "<path:object_id>/"


@dataclass(frozen=True, slots=True)
class Access:
    """From which group on a page can be opened, and from which on it takes what is sent."""

    opens: int
    takes: int


def _model(
    name: str, *, view: int = SUPPORT, add: int = NOBODY, change: int = NOBODY, delete: int = NOBODY
) -> dict[str, Access]:
    """Return the rows of a model: who may view, add, change and delete."""
    return {
        f"admin/{name}/{LIST}": Access(view, view),
        f"admin/{name}/{ADD}": Access(add, add),
        f"admin/{name}/{ROW}": Access(view, change),
        f"admin/{name}/{HISTORY}": Access(view, view),
        f"admin/{name}/{DELETE}": Access(delete, delete),
        f"admin/{name}/{OLD_ROW}": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),
    }


def _page(name: str, who: int) -> dict[str, Access]:
    return {f"admin/billing/{name}/": Access(who, NOBODY)}


def _act(name: str, who: int) -> dict[str, Access]:
    return {f"admin/billing/{name}/": Access(who, who)}


def _previewed(name: str, who: int) -> dict[str, Access]:
    """Return the rows of an act with a preview: the form, and what does it."""
    return {**_act(name, who), **_act(f"{name}/post", who)}


TABLE: dict[str, Access] = {
    "admin/": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),
    "admin/login/": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),
    "admin/logout/": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),
    "admin/jsi18n/": Access(ANYBODY_ON_STAFF, NOBODY),
    "admin/password_change/": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),
    "admin/password_change/done/": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),
    "admin/autocomplete/": Access(NOBODY, NOBODY),  # no form of ours asks it
    "admin/r/<path:content_type_id>/<path:object_id>/": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),  # leads nowhere
    "admin/(?P<url>.*)$": Access(ANYBODY_ON_STAFF, ANYBODY_ON_STAFF),
    "admin/^(?P<app_label>…)/$": Access(SUPPORT, SUPPORT),
    # people
    **_model("accounts/user", change=OWNER),
    **_model("auth/group", view=SUPERUSER, add=SUPERUSER, change=SUPERUSER, delete=SUPERUSER),
    **_model("account/emailaddress", view=SUPERUSER),
    **_model("mfa/authenticator", view=OWNER, delete=OWNER),
    **_model("admin/logentry", view=BILLING),
    # the catalog
    **_model("billing/feature", add=OWNER, change=OWNER),
    **_model("billing/featureprice", add=OWNER),
    **_act("featureprice/add/post", OWNER),
    **_previewed("featureprice/<path:object_id>/withdraw", OWNER),
    **_model("billing/plan", add=OWNER, change=OWNER),
    **_model("billing/pack", add=OWNER, change=OWNER),
    # the books
    **_model("billing/wallet"),
    **_page("wallet/<int:wallet_id>/balance", SUPPORT),
    **_page("wallet/<int:wallet_id>/timeline", SUPPORT),
    **_page("wallet/<int:wallet_id>/see-as", SUPPORT),
    **_act("wallet/<int:wallet_id>/see-as/post", SUPPORT),
    **_previewed("wallet/<path:object_id>/adjust", BILLING),
    **_previewed("wallet/<path:object_id>/suspend", BILLING),
    **_previewed("wallet/<path:object_id>/resume", BILLING),
    **_previewed("wallet/<path:object_id>/contract", OWNER),
    **_previewed("wallet/<path:object_id>/contract/end", OWNER),
    **_model("billing/ledgerentry"),
    **_act("ledgerentry/proof", SUPPORT),
    **_model("billing/grant"),
    **_model("billing/hold"),
    **_model("billing/farewell"),
    **_model("billing/dailyusage"),
    **_model("billing/subscription"),
    **_model("billing/notice"),
    **_model("billing/chatbot"),
    **_model("billing/export"),
    **_model("billing/apikey", add=OWNER),
    **_act("apikey/add/post", OWNER),
    **_previewed("apikey/<path:object_id>/replace", OWNER),
    **_previewed("apikey/<path:object_id>/revoke", BILLING),
    # what staff did, proposed and returned
    **_model("billing/staffact"),
    **_model("billing/proposal"),
    **_previewed("proposal/<path:object_id>/approve", OWNER),
    **_previewed("proposal/<path:object_id>/decline", OWNER),
    **_previewed("proposal/<path:object_id>/withdraw", SUPPORT),
    **_model("billing/chargereturn", add=BILLING),
    **_act("chargereturn/add/post", BILLING),
    **_model("billing/walletreturn"),
    # what people were told and asked
    **_model("billing/message"),
    **_previewed("message/<path:object_id>/send-again", SUPPORT),
    **_model("billing/mailpreference"),
    **_model("billing/supportrequest"),
    **_previewed("supportrequest/<path:object_id>/answer", SUPPORT),
    **_model("billing/contractrequest"),
    **_previewed("contractrequest/<path:object_id>/answered", OWNER),
    # sales
    **_model("billing/purchase"),
    **_previewed("purchase/<path:object_id>/refund", BILLING),
    **_model("billing/refund"),
    **_model("billing/dispute"),
    **_model("billing/checkout"),
    **_model("billing/customer"),
    **_model("billing/stripesubscription"),
    **_model("billing/stripeprice"),
    **_model("billing/stripeevent"),
    **_previewed("stripeevent/<path:object_id>/replay", BILLING),
    **_model("billing/reconciliationrun"),
    **_act("reconciliationrun/now", BILLING),
    # development only
    **_model(
        "mail_viewer_database_backend/emailmessage",
        view=SUPERUSER, add=SUPERUSER, change=SUPERUSER, delete=SUPERUSER,
    ),
}  # fmt: skip
