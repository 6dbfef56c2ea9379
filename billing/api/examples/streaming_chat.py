import os
from collections.abc import Iterator

from cleverai_credits import Client

PROMPT_TOKENS = 1_200


def model(most_tokens: int) -> Iterator[str]:
    """Stand in for a model that streams, a token at a time."""
    yield from ["Tokyo ", "is ", "nine ", "hours ", "ahead."][:most_tokens]


with Client(os.environ["CLEVER_URL"], os.environ["CLEVER_KEY"], wallet=int(os.environ["CLEVER_WALLET"])) as clever:
    with clever.holding("gpt-4o", PROMPT_TOKENS + 2_000, minimum=PROMPT_TOKENS, key="answer-9") as work:
        answered = 0
        for token in model(most_tokens=work.quantity - PROMPT_TOKENS):
            print(token, end="", flush=True)
            answered += 1
        work.used(PROMPT_TOKENS + answered, detail={"input_tokens": PROMPT_TOKENS, "output_tokens": answered})

    assert work.answer is not None
    print("\nIt cost", work.answer.cost)
