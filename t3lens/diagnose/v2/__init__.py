"""Threads of T3 Code's second data model: what is known of them, what is wrong with them, and their verdict."""
