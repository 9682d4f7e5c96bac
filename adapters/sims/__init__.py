"""Other people's systems, played on loopback: what users drill with and tests run against."""
