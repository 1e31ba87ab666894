"""`python -m bot`: the same as `thumbprint`."""

from bot.cli import main

if __name__ == "__main__":
    main()
