"""Timus's side: signatures, the schema of its webhooks, and how its JSON is read."""
