"""Settings → Profile, and ending one of the sessions that are listed under Security."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import ProfileForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and save the person's name and time zone."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("accounts:profile")
    return render(request, "accounts/profile.html", {"form": form})


@login_required
@require_POST
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """Log out one of the person's other browsers; this one has a button of its own."""
    sessions = UserSession.objects.filter(user=request.user)
    session = get_object_or_404(sessions.exclude(session_key=request.session.session_key), pk=session_id)
    session.end()
    messages.success(request, "That session is logged out.")
    return redirect("usersessions_list")
