"""The tip to batch similar operations: messages in a row, and the prompt that each of them paid again. Millicredits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from operator import attrgetter

from billing.models import Feature
from billing.selectors.insights_uses import SECOND, Use, Uses, together
from billing.selectors.sources import CHATBOT_SOURCE

GAP = 120 * SECOND
LEAST_MESSAGES = 3
MOST_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Run:
    """Messages to one model, each less than two minutes after the one before: the smallest input is paid by each."""

    model: Feature
    uses: tuple[Use, ...]
    prompt: int
    saving: int

    @property
    def last(self) -> Use:
        """Where the run ends."""
        return self.uses[-1]

    @property
    def repeated(self) -> int:
        """The tokens that were paid again."""
        return self.prompt * (len(self.uses) - 1)


@dataclass(frozen=True, slots=True)
class Batching:
    """Runs of at least three messages; `examples` are those that would have saved most."""

    runs: int
    messages: int
    repeated: int
    saving: int
    examples: tuple[Run, ...]
    looked_at: int
    code: str = "batching"


def batching(uses: Uses) -> Batching:
    """Find the prompts that runs of messages repeated, but for those of chatbots: their visitors can't ask together."""
    messages = [
        use
        for use in uses.messages
        if use.input_tokens and not use.was_imported and not use.source.startswith(CHATBOT_SOURCE)
    ]
    runs = [_run(uses, run) for run in _runs(messages)]
    return Batching(
        runs=len(runs),
        messages=sum(len(run.uses) for run in runs),
        repeated=sum(run.repeated for run in runs),
        saving=sum(run.saving for run in runs),
        examples=tuple(nlargest(MOST_EXAMPLES, runs, key=attrgetter("saving"))),
        looked_at=len(messages),
    )


def _runs(messages: Iterable[Use]) -> Iterator[list[Use]]:
    """Yield runs of messages to the same model from the same source, in order of time."""
    for _, group in together(messages, attrgetter("model", "source")):
        run: list[Use] = []
        for use in reversed(group):
            if run and use.moment - run[-1].moment >= GAP:
                if len(run) >= LEAST_MESSAGES:
                    yield run
                run = []
            run.append(use)
        if len(run) >= LEAST_MESSAGES:
            yield run


def _run(uses: Uses, messages: Sequence[Use]) -> Run:
    prompt = min(use.input_tokens or 0 for use in messages)
    saving = sum(uses.without(use, prompt) for use in messages[1:])
    return Run(uses.catalog.feature(messages[0].model), tuple(messages), prompt, saving)
