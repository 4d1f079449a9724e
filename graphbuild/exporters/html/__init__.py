"""Write the interactive page, one HTML file that contains the data, the style and the scripts."""
