"""Development only: everything CleverAI needs, on one machine. Nothing imports this package."""
