"""The networkx graph of a campaign: builder, views, layout and node style."""
