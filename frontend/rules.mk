# Everything that lives in a guest.
include frontend/libcuda/tables.mk

LIBCUDA_SRCS := $(addprefix frontend/libcuda/, status.c session.c channel.c reply.c wait.c \
	handle.c device.c context.c context_life.c context_limits.c stream.c capture.c event.c tracker.c \
	window.c managed.c fault.c pinned.c replace.c register.c memory.c held.c \
	pointer.c copy.c copy3d.c shadow.c shadow_life.c module.c \
	lookup.c function.c attributes.c launch.c launch_old.c occupancy.c callback.c fix.c graph.c graph_nodes.c \
	graph_get.c graph_wire.c host_node.c fetch.c jit.c link.c batch.c \
	peer.c share.c ipc.c green.c vmm.c sparse.c \
	trace.c logs.c) $(LIBCUDA_TABLE_SRCS)
LIBCUDA_OBJS := $(LIBCUDA_SRCS:%.c=$(B)/obj/%.o) $(B)/obj/gen/stubs.o

$(B)/obj/gen/%.o: $(B)/gen/%.c $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# What programs call is entries.c; the functions behind it have other names,
# but for the table of entry points itself. See frontend/libcuda/trace.h.
LIBCUDA_TABLE := $(B)/obj/frontend/libcuda/procaddr.o
LIBCUDA_INNER := $(filter-out $(LIBCUDA_TABLE),$(LIBCUDA_OBJS))
LIBCUDA_LINK  := $(B)/obj/libcuda-inner.rel $(LIBCUDA_TABLE) $(B)/obj/gen/entries.o
$(B)/obj/libcuda-inner.rel: $(LIBCUDA_INNER) $(B)/gen/libcuda.names
	@mkdir -p $(@D)
	ld -r -o $@ $(LIBCUDA_INNER)
	objcopy --redefine-syms=$(B)/gen/libcuda.names $@

$(B)/lib/libcuda.so.1: $(LIBCUDA_LINK) $(LIB_OBJS) $(B)/gen/libcuda.map
	@mkdir -p $(@D)
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -Wl,-Bsymbolic -Wl,-z,defs \
		-Wl,-soname,libcuda.so.1 \
		-Wl,--version-script=$(B)/gen/libcuda.map -o $@ \
		$(LIBCUDA_LINK) $(LIB_OBJS) -lxengnttab -lxenevtchn -lxenstore -lpthread

ALL += $(B)/lib/libcuda.so.1
