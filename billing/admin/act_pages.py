"""The pages of the acts of staff, all alike: a form, what it would do, and a button that does it once.

Each asks for its own permission, wants a reason, is done once per key, and is looked at again when it would do
something else by then. What is above the limit becomes a proposal (services/staff_acts.py).
"""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import second_step
from accounts.models import User
from billing.admin import acts
from billing.admin.acts import Act
from billing.admin.deeds import Answer, Deed, Doing
from billing.admin.forms import KeyForm, ReasonForm, UUIDForm
from billing.admin.paging import is_row_number
from billing.admin.reading import ReadOnly
from billing.admin.tables import page_of
from billing.errors import MeteringError, PaymentError
from billing.services import staff_acts
from billing.services.staff_acts import ChangedSince, Result
from billing.services.transactions import in_one_transaction

asked_or_sent = require_http_methods(["GET", "HEAD", "POST"])


class WithActs(ReadOnly):
    """Rows with acts: each has a form below the row's page, and a second address that does it.

    A row's page knows as `may_<address>` which of them this member of staff may do.
    """

    deeds: ClassVar[Sequence[type[Deed]]] = ()

    def get_urls(self) -> list[URLPattern]:
        return [*(url for deed in self.deeds for url in self._urls_of(deed)), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return which of the acts this member of staff may do to it."""
        may = {f"may_{_name(deed)}": request.user.has_perm(deed.permission) for deed in self.deeds}
        return {**super().page_context(request, row), **may}

    def ask(self, request: HttpRequest, deed: Deed) -> HttpResponse:
        """Ask what an act asks; once that is answered, show what it would do."""
        if (why := deed.pointless()) and request.method != "POST":
            messages.info(request, why)
            return redirect(deed.url_after())
        initial = {name: request.GET[name] for name in deed.prefilled if name in request.GET}
        return self._look(
            request, deed, deed.form(request.POST if request.method == "POST" else None, initial), key=uuid4()
        )

    def post(self, request: HttpRequest, deed: Deed) -> HttpResponse:
        """Do a previewed act, once per key; show it anew when it would do something else by now."""
        form, keyed = deed.form(request.POST), KeyForm(request.POST)
        if not form.is_valid() or not keyed.is_valid():
            return self._look(request, deed, form, key=uuid4())
        key = keyed.cleaned_data["key"]
        try:
            result = carry_out(deed, form, key=str(key), seen=keyed.cleaned_data["seen"], actor=acts.staff_of(request))
            return self._say(request, deed, result, key=deed.key_of(key))
        except ChangedSince as error:
            messages.warning(request, str(error))
            return self._look(request, deed.fresh(), form, key=key)
        except (MeteringError, PaymentError) as error:
            form.add_error(None, str(error))
            return acts.ask(request, self, deed.describe(), form, url=self.url_of(deed))

    def do_to_picked(
        self, request: HttpRequest, rows: Sequence[Any], deed: type[Deed], *, action: str, title: str
    ) -> HttpResponse | int:
        """Ask why an act is done to the picked rows of a list; once that is said, do it to each that it can be done to.

        Returns the page that asks, or how many it was done to, each in a transaction of its own and once per key.
        """
        form, keyed = ReasonForm(request.POST if "key" in request.POST else None), UUIDForm(request.POST)
        if not form.is_valid() or not keyed.is_valid():
            hidden = [("action", action), ("key", uuid4()), *(("_selected_action", row.pk) for row in rows)]
            back_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            act = Act(title=title, button=title, back_url=back_url)
            return acts.ask(request, self, act, form, url=request.get_full_path(), hidden=hidden, is_last=True)
        done = 0
        for row in rows:
            one = deed(row)
            try:
                key, seen = f"{keyed.cleaned_data['key']}:{row.pk}", one.look({}).effect
                done += carry_out(one, form, key=key, seen=seen, actor=acts.staff_of(request)).is_new
            except MeteringError:
                continue
        return done

    def url_of(self, deed: Deed, suffix: str = "") -> str:
        """Return the address of an act's form, or of what does it."""
        arguments = [] if deed.row is None else [deed.row.pk]
        return reverse(f"admin:{self._route(type(deed))}{suffix}", args=arguments)

    def _look(self, request: HttpRequest, deed: Deed, form: forms.Form, *, key: UUID) -> HttpResponse:
        act = deed.describe()
        if not form.is_valid():
            return acts.ask(request, self, act, form, url=self.url_of(deed))
        try:
            look = deed.look(deed.answers(form))
        except (MeteringError, PaymentError) as error:
            form.add_error(None, str(error))
            return acts.ask(request, self, act, form, url=self.url_of(deed))
        why = staff_acts.why_not_alone(
            look.weighed, wallet_id=deed.wallet_id(), actor=acts.staff_of(request), now=timezone.now()
        )
        hidden = {"key": key, "seen": look.effect}
        url = self.url_of(deed, "_post")
        return acts.preview(
            request, self, act, form, url=url, changes=look.changes, tables=look.tables(), hidden=hidden, why_two=why
        )

    def _say(self, request: HttpRequest, deed: Deed, result: Result, *, key: str) -> HttpResponse:
        if result.done is None and result.proposal is not None:
            said = "It waits for a second person now." if result.is_new else "It was proposed before."
            messages.success(request, said)
            return redirect(page_of(result.proposal))
        outcome = result.done.outcome if result.done else ""
        answer = deed.finish(Answer(outcome), key=key, now=timezone.now())
        before = "" if result.is_new else "It was done before. "
        messages.add_message(request, answer.level, f"{before}{answer.words}")
        return redirect(deed.url_after())

    def _urls_of(self, deed: type[Deed]) -> list[URLPattern]:
        @second_step.only_looks
        @asked_or_sent
        def asking(request: HttpRequest, object_id: str = "") -> HttpResponse:
            return self.ask(request, self._deed_for(request, object_id, deed))

        @require_POST
        def posting(request: HttpRequest, object_id: str = "") -> HttpResponse:
            try:
                return self.post(request, self._deed_for(request, object_id, deed))
            except Http404:
                if not deed.disappears:
                    raise
            messages.info(request, "It is gone already.")
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

        below = "<path:object_id>/" if deed.has_a_row else ""
        wrap, name = self.admin_site.admin_view, self._route(deed)
        return [
            path(f"{below}{deed.address}/post/", wrap(posting), name=f"{name}_post"),
            path(f"{below}{deed.address}/", wrap(asking), name=name),
        ]

    def _route(self, deed: type[Deed]) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{_name(deed)}"

    def _deed_for(self, request: HttpRequest, object_id: str, deed: type[Deed]) -> Deed:
        """Return an act on a row, for those who may do it. Raises PermissionDenied and Http404."""
        if not self.has_view_permission(request) or not request.user.has_perm(deed.permission):
            raise PermissionDenied
        if not deed.has_a_row:
            return deed()
        row = deed.rows().filter(pk=object_id).first() if is_row_number(object_id) else None
        if row is None:
            raise Http404
        return deed(row)


@in_one_transaction
def carry_out(deed: Deed, form: forms.Form, *, key: str, seen: str, actor: User) -> Result:
    """Do an act, or propose it, with a line in the staff's log. Raises what `staff_acts.do` and the act raise."""
    now = timezone.now()
    asked = deed.asked(form, key=deed.key_of(key))

    def work() -> str:
        outcome = deed.do(asked.answers, Doing(actor=actor, reason=asked.reason, key=asked.key, now=now))
        if (row := deed.logged_on()) is not None:
            acts.log(actor=actor, row=row, message=outcome.logged)
        return outcome.said

    result = staff_acts.do(
        asked, actor=actor, seen=seen, weigh=lambda: deed.fresh().look(asked.answers).weighed, work=work, now=now
    )
    if result.proposal is not None and result.is_new:
        acts.log(actor=actor, row=result.proposal, message="Proposed.")
    return result


def _name(deed: type[Deed]) -> str:
    return deed.address.replace("/", "_").replace("-", "_")
