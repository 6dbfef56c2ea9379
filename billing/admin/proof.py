"""The page on which the books prove themselves: asked for with a button, because it reads everything."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from billing.services import proof, reconciliation

SHOWN = 500


def page(request: HttpRequest, admin_page: "admin.ModelAdmin[Any]") -> HttpResponse:
    """Show the button; after it, every difference in the books of all wallets, or that there is none."""
    if not admin_page.has_view_permission(request):
        raise PermissionDenied
    context = {
        **admin_page.admin_site.each_context(request),
        "opts": admin_page.opts,
        "title": "Prove the books",
        "url": reverse("admin:billing_proof"),
    }
    if request.method == "POST":
        differences = proof.prove()
        context |= {
            "proven": not differences,
            "differences": differences[:SHOWN],
            "found": len(differences),
            "counts": proof.figures().counts,
            "overdue": {what: count for what, count in proof.overdue().items() if count},
            "reconciled": reconciliation.latest(),
        }
    return TemplateResponse(request, "admin/billing/proof.html", context)
