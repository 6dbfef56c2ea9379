"""Where Stripe tells us that something happened."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import gateway
from billing.errors import BadWebhook
from billing.models import StripeEvent
from billing.queue import hint
from billing.services import inbox

LARGEST_BODY = 256 * 1024
TEXT = "text/plain; charset=utf-8"


@csrf_exempt
@login_not_required
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Keep an event that Stripe signed and have it followed; anything else is refused in a few words.

    An answer of 200 says that the event is in the inbox. Everything that isn't bad input answers 5xx, so that Stripe
    sends it again.
    """
    body = request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return HttpResponse("Too large.", status=413, content_type=TEXT)
    now = timezone.now()
    try:
        event = gateway.verify_event(body=body, signature=request.headers.get("Stripe-Signature", ""), now=now)
        event_id = inbox.receive(event=event, via=StripeEvent.Via.WEBHOOK, now=now)
    except BadWebhook as refusal:
        return HttpResponse(str(refusal), status=400, content_type=TEXT)
    if event_id is None:
        return HttpResponse("Known already.", content_type=TEXT)
    hint("billing.tasks.handle_stripe_event", event_id)
    return HttpResponse("Thank you.", content_type=TEXT)
