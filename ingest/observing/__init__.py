"""How an observer scales: tests of Inspektor Gadget."""
