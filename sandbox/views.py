"""Pages for developers: the mails CleverAI would have sent, and staff's second steps.

They exist in development only, and need no login.
"""

import time

from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe
from django_mail_viewer.backends.database.models import EmailMessage

from sandbox import authenticator as apps
from sandbox import mail

NEWEST = 100
LINKS_LEAVE_THE_FRAME = '<base target="_top">'
FRAME_POLICY = {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "frame-ancestors": ["'self'"]}


@require_safe
@never_cache
@login_not_required
def authenticator(request: HttpRequest) -> HttpResponse:
    """Show what the staff's authenticator apps would show now."""
    return render(request, "sandbox/authenticator.html", {"codes": apps.codes(now=time.time())})


@require_safe
@never_cache
@login_not_required
def mails(request: HttpRequest) -> HttpResponse:
    """List the newest mails."""
    return render(request, "sandbox/mails.html", {"mails": mail.latest(NEWEST)})


@require_safe
@never_cache
@login_not_required
def mail_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one mail: its text, and its HTML in a frame of its own."""
    row = get_object_or_404(EmailMessage, pk=pk, parent=None)
    return render(request, "sandbox/mail.html", {"mail": mail.read(row)})


@require_safe
@never_cache
@login_not_required
@xframe_options_sameorigin
@csp_replace(FRAME_POLICY)  # type: ignore[arg-type]  # its annotation knows no view with arguments
def mail_html(request: HttpRequest, pk: int) -> HttpResponse:
    """Serve the HTML of a mail for the frame: it may bring its own style as in a mail program, and nothing else."""
    html = mail.read(get_object_or_404(EmailMessage, pk=pk, parent=None)).html
    if not html:
        raise Http404
    return HttpResponse(html + LINKS_LEAVE_THE_FRAME)
