"""What the bot does on GitHub. Imports learning.memory and storage; never torch."""
