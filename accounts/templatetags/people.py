"""Words about people and their browsers."""

from django import template

register = template.Library()

# Order matters: Edge and Opera also call themselves Chrome, and Chrome calls itself Safari.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "SamsungBrowser/": "Samsung Internet",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


@register.filter
def browser(user_agent: str) -> str:
    """Return a User-Agent header as a person would say it: “Firefox on Windows”."""
    name = next((name for mark, name in BROWSERS.items() if mark in user_agent), "Unknown browser")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return f"{name} on {system}" if system else name


@register.filter
def device_icon(user_agent: str) -> str:
    """Return the name of the icon for the kind of device that sends this User-Agent header."""
    return "smartphone" if any(mark in user_agent for mark in ("iPhone", "Android", "Mobile")) else "laptop"
