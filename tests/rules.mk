include tests/unit/rules.mk
include tests/hostile/rules.mk
include tests/e2e/rules.mk
include tests/cuda/rules.mk
include tests/cudart/rules.mk
include tests/gpu/rules.mk
include tests/bench/rules.mk
