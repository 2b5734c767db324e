"""Both systems as data: numbers, names, layouts and who may call what. Imports nothing."""
