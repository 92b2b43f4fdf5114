"""The services that the twin serves itself, one package each."""
