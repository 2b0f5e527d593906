"""What every route shares: who asks, bodies, answers, errors, health and documentation."""
