"""What you may use and what it costs: credits, the ledger, cycles, usage.

README.md beside this file is the model on one page.
"""
