"""Other people's systems, one SDK each."""
