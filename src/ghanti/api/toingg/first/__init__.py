"""The first generation, under /api and bare: ``apiKey`` in the query, and answers without an envelope."""
