"""What routes share: who asks, how requests are read, and how they are answered."""
