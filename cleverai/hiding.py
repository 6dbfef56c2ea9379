"""What no log and no error report may tell, taken out of a text: the last line of defence behind careful messages.

A database's error quotes the row it refused, a mail server's the address, a client's the address it asked with its
password: nobody who logs an exception can know. So every line goes through here on its way out.
"""

import re

HIDDEN = "[hidden]"
CUT = "… [cut]"
#: Nobody reads further in a line, and visitors write some of what is in one.
LONGEST_LINE = 16 * 1024

# Visitors can make lines long, so that each of these takes time in proportion to what it reads: none begins anew at
# every character of a run that it can run through, and what may be repeated behind a word has an end.
_IN_ADDRESS = r"""[^\s@<>()\[\]{}"'`“”,;:=|/\\]"""
_ADDRESS = re.compile(rf"(?<!{_IN_ADDRESS}){_IN_ADDRESS}+@{_IN_ADDRESS}+\.[^\W\d_]{{2,}}(?:{_IN_ADDRESS}*(?=@))?")
_LOGIN_IN_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://)[^\s/?#@\"']*@", re.IGNORECASE)
# Of an address only the host may stay: paths carry tokens of resets and unsubscribing, query strings anything.
_BEHIND_HOST = re.compile(r"""(\bhttps?://[^\s/?#"'<>)]+)[/?#][^\s"'<>)]+""", re.IGNORECASE)
_QUERY = re.compile(r"""(?<=[\w/=-])\?[^\s"'<>=?]+=[^\s"'<>]*""")
_KEY = re.compile(r"\b(?:(?:[srp]k_(?:test|live)|whsec|clv_(?:test|live))_[A-Za-z0-9_+/=-]+|\w+_secret_\w+)")
_SCHEME = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,}", re.IGNORECASE)
_NAMED = re.compile(
    r"""((?:session|csrf|token|secret|passw|authorization|cookie|signature|api_?key)(?!s)[\w-]{0,64}["']?"""
    r"""\s{0,8}[=:]\s{0,8}["']?)[^\s"'&;,)}\]]+""",
    re.IGNORECASE,
)
_REFUSED_ROW = re.compile(r"(DETAIL:\s+(?:Failing row contains|Key \([^)]{0,500}\)=)\s*)\((?:.*\)|.*)", re.IGNORECASE)
_DIGITS = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")


def hidden(text: str) -> str:
    """Return the text without mail addresses, keys, tokens, cookies, passwords, query strings and card numbers.

    Lines of more than LONGEST_LINE characters are cut.
    """
    if len(text) > LONGEST_LINE:
        text = "\n".join(_cut(line) for line in text.split("\n"))
    text = _REFUSED_ROW.sub(rf"\1({HIDDEN})", text)
    text = _LOGIN_IN_URL.sub(rf"\1{HIDDEN}@", text)
    text = _BEHIND_HOST.sub(rf"\1/{HIDDEN}", text)
    text = _QUERY.sub(f"?{HIDDEN}", text)
    text = _KEY.sub(HIDDEN, text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    text = _ADDRESS.sub(HIDDEN, text)
    return _DIGITS.sub(lambda found: HIDDEN if _is_card(found[0]) else found[0], text)


def _cut(line: str) -> str:
    """Return a line, or the whole words that it begins with and a mark: half a secret couldn't be told from a word."""
    if len(line) <= LONGEST_LINE:
        return line
    whole, space, _ = line[:LONGEST_LINE].rpartition(" ")
    return f"{whole}{space}{CUT}"


def _is_card(text: str) -> bool:
    """Return whether these digits bear the check digit of a card number (Luhn's)."""
    digits = [int(character) for character in reversed(text) if character.isdecimal()]
    doubled = (digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
