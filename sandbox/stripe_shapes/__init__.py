"""Are we speaking Stripe? Checks of objects and requests against what the installed `stripe` package says about them.

The package's annotations are generated from Stripe's own description of exactly the API version that it pins. They know
names, types and enumerated values; not which parameters exclude each other, nor what a value means.
"""
