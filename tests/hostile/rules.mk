# Guests that want to do harm: to the executor's replay in one process
# (replay_test), and to the whole machine over the loopback (hostile.t).

HT     := tests/hostile
HT_OUT := $(B)/tests/hostile

# The driver that watches what an executor does in a guest's name.
FAKECUDA := $(HT_OUT)/libfakecuda.so
$(FAKECUDA): $(patsubst %,$(B)/obj/$(HT)/%.o,fakecuda fakecuda_modules \
		fakecuda_all)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,nodelete $(LDFLAGS) \
	  -o $@ $^ -lpthread

# The executor but for its main() and its monitor; Xen is stood in for.
REPLAY_OBJS = $(filter-out %/main.o %/monitor.o,$(EXEC_OBJS))
REPLAY_TEST := $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(HT)/replay_*.c))
$(HT_OUT)/replay_test: $(REPLAY_TEST) $(REPLAY_OBJS) \
		$(LIB_OBJS) | $(FAKECUDA)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic -o $@ $^ -ldl -lpthread
$(REPLAY_TEST): $(WIRE_STRUCTS)

# Linked as the product is: with Debian's libraries, and no path to ours.
$(HT_OUT)/hostile: $(B)/obj/$(HT)/hostile.o $(B)/obj/$(HT)/guest.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lxengnttab -lxenevtchn -lxenstore \
	  -lpthread

HT_PROGRAMS := $(HT_OUT)/replay_test $(HT_OUT)/hostile
ALL += $(HT_PROGRAMS) $(FAKECUDA)
E2E_TESTS += $(HT)/replay.t $(HT)/hostile.t $(HT)/wrongcalls.t
