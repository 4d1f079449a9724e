"""Build the networkx graph of a campaign, derive views, and compute the layout and node style."""
