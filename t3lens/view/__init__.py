"""What is shown: pages, timelines, fleets, records; made of a store and a diagnosis."""
