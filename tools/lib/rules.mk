# Small helpers that every program of ours may link: $(LIB_OBJS).
LIB_SRCS := tools/lib/log.c tools/lib/bucket.c tools/lib/bulk.c tools/lib/passfd.c
LIB_OBJS := $(LIB_SRCS:%.c=$(B)/obj/%.o)
