import os

from cleverai_credits import Client, InsufficientCredits

with Client(os.environ["CLEVER_URL"], os.environ["CLEVER_KEY"], wallet=int(os.environ["CLEVER_WALLET"])) as clever:
    print("It will cost", clever.quote("gpt-4o", 2_453).cost)

    paid = clever.charge("gpt-4o", 2_453, key="message-81f3")
    print("It cost", paid.cost)

    again = clever.charge("gpt-4o", 2_453, key="message-81f3")
    print("The same entry again:", again.replayed, again.sequence == paid.sequence)

    try:
        clever.charge("dall-e-3-hd", 2_000)
    except InsufficientCredits as refusal:
        print("Too few for", refusal.needed)
