"""Shapes of the viewer API's responses, for its OpenAPI document. Tests validate all responses against the document; at
run time responses are not validated.

A link is a presigned URL, valid for `viewer.linkSeconds`. Timestamps are UTC, in ISO 8601.
"""
