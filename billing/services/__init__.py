"""Everything that writes: one module a noun, verbs inside; each call is one transaction."""
