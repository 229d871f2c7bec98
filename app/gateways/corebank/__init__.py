"""The core bank: where the balances come from."""
