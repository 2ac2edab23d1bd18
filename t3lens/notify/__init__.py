"""Somebody is told: what is new and what is over, once each, to addresses and commands, also if they do not answer today."""

from t3lens.notify.ledger import Ledger, default_ledger
from t3lens.notify.quiet import QuietHours
from t3lens.notify.targets import Recipient, targets
from t3lens.notify.teller import Delivery, Teller

__all__ = ["Delivery", "Ledger", "QuietHours", "Recipient", "Teller", "default_ledger", "targets"]
