"""Routes of the viewer's API, one module per resource: request → one domain call → response.

They are in the layer because Lambda imports the function's `app` without a package around it.
"""
