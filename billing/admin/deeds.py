"""What an act of staff is: what it asks for, what it would do now, and doing it, whoever pressed the button.

`act_pages` makes the pages of these, all alike; `proposals` does them once a second person has approved.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet

from accounts.models import User
from billing.admin.acts import Act, Change
from billing.admin.tables import Table, page_of
from billing.errors import InvalidRequest
from billing.models import Proposal
from billing.services.staff_acts import Asked, Weighed


@dataclass(frozen=True, slots=True)
class Look:
    """What an act would do at this moment.

    `effect` is a text that changes whenever it would do something else; what others do meanwhile and doesn't change
    it makes no form stale. `tables` makes what is shown besides, for pages alone: it may take long. `credits`
    (millicredits) and `cents` are what the act moves, as the limit counts them.
    """

    changes: Sequence[Change]
    effect: str
    title: str = ""
    tables: Callable[[], Sequence[Table]] = tuple
    credits: int = 0
    cents: int = 0
    without_limit: bool = False

    @property
    def weighed(self) -> Weighed:
        """The same as the limit and a proposal see it."""
        return Weighed(
            effect=self.effect,
            title=self.title,
            looked_at=[[change.what, change.before, change.after] for change in self.changes],
            credits=self.credits,
            cents=self.cents,
            without_limit=self.without_limit,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: `said` to who did it, `logged` on the row, both without anybody's name."""

    said: str
    logged: str


@dataclass(frozen=True, slots=True)
class Doing:
    """Who does an act, why, under which key and when."""

    actor: User
    reason: str
    key: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What its doer is told when all is done, and how good that is."""

    words: str
    level: int = messages.SUCCESS


class Deed(ABC):
    """One act of staff on one row, or on none for what is begun from a list."""

    act: ClassVar[str]
    address: ClassVar[str]
    permission: ClassVar[str]
    form_class: ClassVar[type[forms.Form]]
    #: Whether it is done to a row, and its pages are below that row's.
    has_a_row: ClassVar[bool] = True
    #: Whether its row is gone once it is done.
    disappears: ClassVar[bool] = False
    #: What the address may say already of the form.
    prefilled: ClassVar[Sequence[str]] = ()

    def __init__(self, row: Any = None) -> None:
        self.row = row

    @classmethod
    def rows(cls) -> QuerySet[Any]:
        """Return the rows that it can be done to, with what it looks at."""
        raise NotImplementedError

    @classmethod
    def of(cls, proposal: Proposal) -> "Deed":
        """Return the act that was proposed, on its row as that is now."""
        return cls()

    def fresh(self) -> "Deed":
        """Return the same act on its row as that is now."""
        return self if self.row is None else type(self)(self.rows().get(pk=self.row.pk))

    def wallet_id(self) -> int | None:
        """Return the wallet that it is about, if it is about one."""
        return None

    def pointless(self) -> str:
        """Return why there is nothing to be asked, as a sentence; an empty text where there is."""
        return ""

    def form(self, data: Any = None, initial: dict[str, Any] | None = None) -> forms.Form:
        """Return its form."""
        return self.form_class(data, initial=initial)

    @abstractmethod
    def describe(self) -> Act:
        """Return how its pages name it."""

    def answers(self, form: forms.Form) -> dict[str, Any]:
        """Return what a valid form answered, but for the reason, as JSON has it."""
        return {}

    @abstractmethod
    def look(self, answers: Mapping[str, Any]) -> Look:
        """Return what it would do now. Raises MeteringError or PaymentError for what can't be done."""

    @abstractmethod
    def do(self, answers: Mapping[str, Any], doing: Doing) -> Outcome:
        """Do it, in the caller's transaction, and say what was done. Raises MeteringError or PaymentError."""

    def finish(self, answer: Answer, *, key: str, now: datetime) -> Answer:
        """Do what has to wait for the commit, such as asking others; return what is said of it in the end."""
        return answer

    def url_after(self) -> str:
        """Return where its doer is led to."""
        return page_of(self.row)

    def logged_on(self) -> Model | None:
        """Return the row in whose log it is written."""
        row: Model | None = self.row
        return row

    def key_of(self, uuid: object) -> str:
        """Return the key that a form's number stands for."""
        return f"{self.act}-form:{uuid}"

    def asked(self, form: forms.Form, *, key: str) -> Asked:
        """Return what a valid form asks for."""
        reason = form.cleaned_data.get("reason", "")
        return Asked(act=self.act, key=key, answers=self.answers(form), wallet_id=self.wallet_id(), reason=reason)


@dataclass(frozen=True, slots=True)
class Register:
    """The acts that can be proposed, by what they are called in a proposal."""

    deeds: dict[str, type[Deed]] = field(default_factory=dict)

    def add(self, deed: type[Deed]) -> type[Deed]:
        """Let an act be proposed."""
        self.deeds[deed.act] = deed
        return deed

    def of(self, act: str) -> type[Deed]:
        """Return the act that a proposal names. Raises InvalidRequest."""
        if act not in self.deeds:
            raise InvalidRequest("There is no such act any more.")
        return self.deeds[act]


#: Filled by the modules of the acts that have a limit.
PROPOSABLE = Register()
