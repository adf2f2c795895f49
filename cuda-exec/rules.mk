# vgpu-exec: one process for each guest process.
EXEC_SRCS := $(sort $(wildcard cuda-exec/*.c))
EXEC_OBJS := $(EXEC_SRCS:%.c=$(B)/obj/%.o) $(B)/obj/gen/handlers.o


$(B)/bin/vgpu-exec: $(EXEC_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic -o $@ $^ -lxengnttab -lxenevtchn -ldl -lpthread

ALL += $(B)/bin/vgpu-exec
