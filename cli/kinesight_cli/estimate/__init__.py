"""Estimates the monthly cost of a stack: numbers of calls from formulas, prices from a file with sources."""
