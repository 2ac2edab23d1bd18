"""What a notebook needs besides: who looks, what is masked when it is saved, when widgets end."""
