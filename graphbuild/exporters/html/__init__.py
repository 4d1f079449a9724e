"""The interactive page: one HTML file with its data, style and scripts."""
