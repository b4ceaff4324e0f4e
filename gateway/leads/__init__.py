"""The life of a lead: opened by the first interaction, joined by later ones."""
