"""What a stack costs: calls by formula, prices by a file with sources. Pure but for reading that file."""
