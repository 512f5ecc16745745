"""The viewer's routes, one module per subject, which serve_viewer joins: what is asked → one domain call → the answer.

They lie here and not beside the function because Lambda imports its `app` without a package around it.
"""
