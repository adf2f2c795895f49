// SPDX-License-Identifier: BSD-2-Clause
/* main.c - vgpu-backend: start, the main loop, end. See vgpu-backend(8). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/parse.h"
#include "tools/lib/log.h"

/* An xenstored that hangs would hang us with it: end, so that executors end
 * and systemd starts us anew. */
static void stalled(int sig)
{
	static const char text[] =
		"vgpu-backend: error: no progress for 45 s, xenstored does not answer: exiting\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static int make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	log_error("cannot make the directory %s: %s", path, strerror(errno));
	return -errno;
}

static int connect_store(struct backend *b)
{
	int r = store_open(&b->store);

	if (r < 0)
		log_error("cannot reach xenstored: %s; does it run, and is this a Xen host?",
			  strerror(-r));
	return r;
}

/* Domain 0 is never assumed: a driver domain can be a backend as well. */
static int find_domid(struct backend *b)
{
	const char *env = getenv("VGPU_DOMID");
	int r;

	if (b->opt.domid_given) {
		b->domid = b->opt.domid;
		return 0;
	}
	if (env) {
		if (parse_u32(env, &b->domid))
			return 0;
		log_error("VGPU_DOMID=%s is no domain id", env);
		return -EINVAL;
	}
	/* Relative to the domain's own directory. */
	r = store_read_u32(&b->store, "domid", NULL, &b->domid);
	if (r < 0)
		log_error("cannot tell which domain this is (XenStore node domid: %s): give --domid=N",
			  strerror(-r));
	return r;
}

static void tell_systemd(struct backend *b)
{
	char line[SENTENCE_MAX];

	health_line(b, line, sizeof(line));
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%s", line);
}

static void ping(struct backend *b, uint64_t now)
{
	if (now < b->ping_at)
		return;
	b->ping_at = now + PING_MS;
	tell_systemd(b);
	if (store_alive(&b->store))
		return;
	log_error("the connection to xenstored is lost: exiting, so that a restart finds the new one");
	b->lost = true;
}

/* Everything that time or a mark asks for; returns when to come back. */
static uint64_t tick(struct backend *b)
{
	uint64_t now, next;

	if (b->more_events)
		events_drain(b);
	now = now_ms();
	ping(b, now);
	next = b->more_events ? now : b->ping_at;
	if (b->reload && !b->stop) {
		b->reload = false;
		log_info("SIGHUP: reading the registered VMs again");
		(void)config_reload(b);
	}
	if (!b->stop)
		next = earlier(next, domains_tick(b, now));
	next = earlier(next, devices_tick(b, now));
	next = earlier(next, executors_tick(b, now));
	if (!b->stop)
		next = earlier(next, pool_tick(&b->pool, now));
	return earlier(next, control_tick(b, now));
}

static int serve(struct backend *b)
{
	bool stopping = false;
	uint64_t until;
	int r = 0;

	while (r == 0 && !b->lost) {
		alarm(STALL_S);
		if (b->stop && !stopping) {
			stopping = true;
			sd_notify(0, "STOPPING=1\nSTATUS=ending sessions");
			stop_begin(b);
		}
		until = tick(b);
		if (stopping) {
			if (stop_done(b))
				return 0;
			until = earlier(until, b->stop_by);
		}
		r = loop_turn(&b->loop, until);
	}
	return r < 0 ? r : -ENOTCONN;
}

static int start(struct backend *b)
{
	int r = make_dir(b->opt.state_dir, 0700);

	if (r == 0)
		r = make_dir(b->opt.run_dir, 0755);
	if (r == 0)
		r = single_take(b);
	if (r == 0)
		r = loop_open(&b->loop);
	if (r == 0)
		r = signals_open(b);
	if (r == 0)
		r = connect_store(b);
	if (r == 0)
		r = find_domid(b);
	if (r == 0)
		r = single_announce(b);
	if (r == 0)
		r = control_open(b);
	if (r == 0)
		r = events_open(b);
	if (r < 0)
		return r;
	jit_cache_open(&b->jit, b->opt.state_dir, b->opt.run_dir);
	devices_sweep(b);
	return config_reload(b);
}

static void init(struct backend *b)
{
	TAILQ_INIT(&b->devices);
	TAILQ_INIT(&b->control.clients);
	domains_init(&b->domains);
	registry_init(&b->registry, b->opt.state_dir);
	pool_init(&b->pool, b);
	b->lock_fd = b->ready_fd = b->loop.epfd = -1;
	signal(SIGALRM, stalled);
}

static int run(struct backend *b)
{
	int r;

	if (b->opt.daemon && detach_begin(b) < 0) {
		log_error("cannot go to the background: %s", strerror(errno));
		return 1;
	}
	r = start(b);
	if (r < 0) {
		/* What control_open made must not look like a live one. */
		if (b->control.path[0])
			control_close(b);
		return 1;
	}
	if ((b->opt.daemon || b->opt.log_file) && log_to_file(b) < 0)
		return 1;
	log_info("version %s serves as domain %u: driver %s, executor %s",
		 VGPU_VERSION, b->domid, b->opt.driver, b->opt.exec);
	detach_ready(b);
	sd_notify(0, "READY=1");
	r = serve(b);
	if (r < 0)
		return 1; /* executors end with their control sockets */
	stop_finish(b);
	log_info("stopped");
	store_close(&b->store);
	return 0;
}

int main(int argc, char **argv)
{
	static struct backend b;
	int r = options_parse(&b.opt, argc, argv);

	if (r)
		return r - 1;
	log_open("vgpu-backend",
		 (enum log_level)log_level_from_name(b.opt.log_level));
	init(&b);
	return run(&b);
}
