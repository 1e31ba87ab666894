"""The fast half of learning, pure: what one repository's feedback says, from the next answer on."""
