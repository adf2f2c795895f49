include tests/cuda/rules.mk
include tests/gpu/rules.mk
include tests/bench/rules.mk
