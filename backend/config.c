// SPDX-License-Identifier: BSD-2-Clause
/* config.c - what SIGHUP and the start do with the state directory. */
#include <string.h>

#include "backend/backend.h"
#include "tools/lib/log.h"

static void gone(struct vm *vm, void *arg)
{
	struct backend *b = arg;

	log_info("VM %s: no longer registered", vm->id.text);
	jit_cache_forget(&b->jit, &vm->id);
	if (!vm->device)
		return;
	vm->device->vm = NULL;
	device_close(vm->device, VGPU_E_NO_DEVICE,
		     "its VM is no longer registered");
	vm->device = NULL;
}

static void changed(struct vm *vm, void *arg)
{
	(void)arg;
	log_info("VM %s: max-sessions %u, max-window-pages %u", vm->id.text,
		 vm->max_sessions, vm->max_window_pages);
	if (vm->device)
		device_publish(vm->device);
}

int config_reload(struct backend *b)
{
	int r = registry_reload(&b->registry, gone, changed, b);

	if (r < 0)
		log_error("cannot read the state directory %s: %s",
			  b->registry.dir, strerror(-r));
	else
		log_info("%u VM%s registered in %s", b->registry.count,
			 b->registry.count == 1 ? "" : "s", b->registry.dir);
	b->domains.dirty = true;
	return r;
}
