"""What the platform would refuse, found at home: the rules, and the findings of those that are broken.

job/ has the rules about training jobs, package/ those about model packages; `checking` in each is the way in, and of
the other modules each keeps one subject. What both use lies here: rules and findings, what Python's syntax trees, its
versions, modules and wheels say, and the command itself.
"""
