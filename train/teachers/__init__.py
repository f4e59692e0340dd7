"""Other models that a student learns from: what they say of the recordings it learns from.

Nothing is imported here: the processes in which teachers listen load this package and no torch.
"""
