"""What is kept, printed or sent: pages of HTML over the values of ``watch/``."""
