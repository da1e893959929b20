"""``python -m aggregate.cli`` does what the command ``aggregate`` does."""

from aggregate.cli import main

if __name__ == "__main__":
    main()
