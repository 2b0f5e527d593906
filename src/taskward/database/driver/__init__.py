"""What is beneath a transaction: connections, kept and shared, that send whole transactions in one packet."""
