"""What staff do in every act: fill in a form, look at what it would do, and press the button."""

import re

from django.test import Client


def look(browser: Client, url: str, **answers: str) -> str:
    """Fill in an act's form and return the page that answers it: a preview, or the form with what is wrong."""
    answer = browser.post(url, answers)
    assert answer.status_code == 200
    return answer.content.decode()


def hidden(page: str) -> dict[str, str]:
    """Return what a preview's button would send."""
    inputs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in inputs if name != "csrfmiddlewaretoken"}


def press(browser: Client, url: str, page: str, **changed: str) -> str:
    """Press a preview's button, below the form's address, and return the page that follows."""
    return browser.post(f"{url}post/", {**hidden(page), **changed}, follow=True).content.decode()


def do(browser: Client, url: str, **answers: str) -> str:
    """Go through an act from its form to its end, and return the page that follows."""
    return press(browser, url, look(browser, url, **answers))
