"""Checks a deployed stack and its streams in pipeline order: inspectors read facts, checks evaluate them."""
