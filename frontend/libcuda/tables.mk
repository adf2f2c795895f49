# The part of libcuda.so.1 that needs no channel: private tables, symbol
# lookup, module images, error texts. frontend/rules.mk links the objects.
LIBCUDA_TABLE_SRCS := $(addprefix frontend/libcuda/, \
	procaddr.c procaddr_call.c errors_table.c export_tables.c \
	export_cudart.c export_tools.c integrity.c md2.c cls.c image.c)

GEN += $(B)/gen/procaddr_table.h

$(B)/gen/procaddr_table.h: frontend/libcuda/procaddr.py \
		$(wildcard $(CUDA)/include/cuda.h $(CUDA)/include/cuda*Typedefs.h)
	@mkdir -p $(@D)
	$(PYTHON) $< $(CUDA)/include $@

# Unit tests: the real files, with what they need of the rest stood in for.
TABLE_TESTS := integrity cls image procaddr export_tables
TABLE_TEST_PROGRAMS := $(TABLE_TESTS:%=$(B)/tests/unit/%_test)
UNIT_TESTS += $(TABLE_TEST_PROGRAMS)

table_objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

$(B)/tests/unit/integrity_test: $(call table_objs,tests/unit/integrity_test.c \
	frontend/libcuda/integrity.c frontend/libcuda/md2.c)
$(B)/tests/unit/cls_test: $(call table_objs,tests/unit/cls_test.c \
	frontend/libcuda/cls.c)
$(B)/tests/unit/image_test: $(call table_objs,tests/unit/image_test.c \
	frontend/libcuda/image.c cuda-exec/image_unpack.c) $(LIB_OBJS)
$(B)/tests/unit/procaddr_test: $(call table_objs,tests/unit/procaddr_test.c \
	$(addprefix frontend/libcuda/,procaddr.c procaddr_call.c errors_table.c))

$(B)/tests/unit/export_tables_test: $(call table_objs,\
	tests/unit/export_tables_test.c tests/unit/integrity_cudart_stubs.c \
	$(filter-out %/procaddr.c %/procaddr_call.c %/errors_table.c %/image.c,\
		$(LIBCUDA_TABLE_SRCS))) $(LIB_OBJS)

$(TABLE_TEST_PROGRAMS):
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread

# NVIDIA's own runtime, linked as users link it, judges the integrity check.
# Its driver is all of the files above with a device that is made up.
CUDART_STATIC := $(wildcard $(CUDA)/lib64/libcudart_static.a)
ifneq ($(CUDART_STATIC),)
INTEGRITY_CUDART := $(B)/tests/unit/integrity_cudart
UNIT_TESTS += $(INTEGRITY_CUDART)_test

$(INTEGRITY_CUDART)_test: $(call table_objs,tests/unit/integrity_cudart_test.c) \
		$(INTEGRITY_CUDART)_driver/libcuda.so.1
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(CUDART_STATIC) \
		-lcmocka -ldl -lpthread -lrt

$(INTEGRITY_CUDART)_driver/libcuda.so.1: \
		$(call table_objs,tests/unit/integrity_cudart_driver.c \
		tests/unit/integrity_cudart_stubs.c $(LIBCUDA_TABLE_SRCS)) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -Wl,-Bsymbolic \
		-Wl,-soname,libcuda.so.1 -o $@ $^ -lpthread
endif
