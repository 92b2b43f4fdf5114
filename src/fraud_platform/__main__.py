"""``python -m fraud_platform``."""

from fraud_platform.main import main

if __name__ == "__main__":
    main()
