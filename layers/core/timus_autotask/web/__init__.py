"""The console: what ``watch`` sees and ``operate`` can do, as pages for a browser. It decides and computes nothing itself."""
