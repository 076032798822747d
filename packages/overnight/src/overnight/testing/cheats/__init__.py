"""Researchers that cheat, each taken through a whole real night; nothing of it may stand."""
