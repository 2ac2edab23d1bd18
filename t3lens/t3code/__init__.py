"""What is known of T3 Code itself, and nothing that reads or writes: names, signs, and what follows from them."""
