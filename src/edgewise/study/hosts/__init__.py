"""Hosts: architectures whose advantage is known to scale, each with its MLP as a slot.

Every host first has to show its own headline in small with an MLP in the slot; then the question is what a KAN
changes there. A room each; ``trial``, ``host``, ``slot``, ``loop`` and ``shares`` are what they have in common.
"""
