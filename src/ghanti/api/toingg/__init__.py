"""The Toingg API: its first generation under /api and bare, its third under /api/v3.

Each is an application of its own, mounted beside TingTing's routes, since its errors, its credentials and
its documents are its own. Like TingTing's they parse, authorise and translate shapes; the rules are those
of the services.
"""
