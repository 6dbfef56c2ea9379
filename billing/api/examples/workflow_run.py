import os

from cleverai_credits import Client, Node

nodes = [
    Node(name="Every Monday"),
    Node(name="News", feature="web-search", quantity=2),
    Node(name="Write", feature="gpt-4o", quantity=3_000),
]
with Client(os.environ["CLEVER_URL"], os.environ["CLEVER_KEY"], wallet=int(os.environ["CLEVER_WALLET"])) as clever:
    run = clever.charge_workflow("weekly-report", nodes, key="run-2026-48")
    print("The run cost", run.cost)
    for step in clever.entry(run.sequence).steps:
        print("-", step.name, step.cost)
