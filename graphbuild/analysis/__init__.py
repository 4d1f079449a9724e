"""What a campaign says, concluded from its observations, never from paths of the drawn graph."""
