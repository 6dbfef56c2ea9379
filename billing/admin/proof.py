"""The page on which the books prove themselves: asked for with a button, because it reads everything."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from billing.services import clockwork, proof, reconciliation

SHOWN = 500


def page(request: HttpRequest, admin_page: "admin.ModelAdmin[Any]") -> HttpResponse:
    """Show the button and the clockwork; after it, every difference in all books, or that there is none."""
    if not admin_page.has_view_permission(request):
        raise PermissionDenied
    context = {
        **admin_page.admin_site.each_context(request),
        "opts": admin_page.opts,
        "title": "Prove the books",
        "url": reverse("admin:billing_proof"),
        "beats": clockwork.beats(),
    }
    if request.method == "POST":
        differences = proof.prove()
        context |= {
            "proven": not differences,
            "differences": differences[:SHOWN],
            "found": len(differences),
            "counts": proof.figures().counts,
            "overdue": clockwork.overdue(),
            "reconciled": reconciliation.latest(),
        }
    return TemplateResponse(request, "admin/billing/proof.html", context)
