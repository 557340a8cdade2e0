"""What the platform would refuse, found at home: the rules, and the findings of those that are broken."""
