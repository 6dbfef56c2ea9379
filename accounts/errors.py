"""What can go wrong around a login."""


class MailNotSent(Exception):
    """The mail server is away or refused a mail that somebody waits for."""
