"""``python -m benchmarks``: see ``run_all``."""

from benchmarks.run_all import main

raise SystemExit(main())
