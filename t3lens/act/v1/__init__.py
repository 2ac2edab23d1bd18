"""Acting on the first data model: its wire, what its database says of an action, which step helps, the offline repair."""
