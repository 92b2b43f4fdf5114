"""What arrives: transactions, their validation and the answers to them."""
