from colours import NAMES

print(NAMES)
