"""What any agent session is: states, transitions, findings, evidence, verdicts. Pure, without I/O."""
