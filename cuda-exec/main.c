// SPDX-License-Identifier: BSD-2-Clause
/*
 * vgpu-exec - replays the calls of one guest process on the host's driver.
 *
 * Started by vgpu-backend with one end of a socket pair (exec.h). It loads the
 * driver and calls cuInit at once, so that it is warm when a guest comes; then
 * it is given one session, and when that ends it ends.
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/lib/passfd.h"

static struct ex ex; /* one session a process */

/* An honest session has a line or two of its own; refusals and failures, of
 * which a guest can make any number, are told in part. */
enum { LOG_BURST = 50, LOG_RATE = 1 };

static const char usage[] =
	"usage: vgpu-exec --driver PATH --control-fd N [--log-level LEVEL]\n"
	"Replays one guest process's CUDA calls; started by vgpu-backend.\n";

static void say(enum exec_msg_type type, enum vgpu_error error,
		const char *text)
{
	struct exec_msg m = { .type = type, .error = error };
	int version = 0, devices = 0;

	if (type == EXEC_HELLO) {
		if (R.cuDriverGetVersion)
			R.cuDriverGetVersion(&version);
		if (R.cuDeviceGetCount)
			R.cuDeviceGetCount(&devices);
		m.driver_version = (uint32_t)version;
		m.devices = (uint32_t)devices;
	}
	snprintf(m.text, sizeof(m.text), "%s", text);
	if (send(ex.control_fd, &m, sizeof(m), MSG_NOSIGNAL) < 0) {
		log_error("the backend is gone: %s", strerror(errno));
		exit(1);
	}
}

static void fail(enum vgpu_error error, const char *text)
{
	log_error("%s", text);
	say(EXEC_FAILED, error, text);
	exit(1);
}

/* One message; an ASSIGN brings the statistics' memfd. False: the backend
 * wants us gone. */
static bool receive(struct exec_msg *m, int *stats_fd)
{
	ssize_t n;

	do
		n = passfd_recv(ex.control_fd, m, sizeof(*m), stats_fd);
	while (n == -EINTR);
	if (n != sizeof(*m))
		return false;
	if (m->type == EXEC_CONTEXT)
		return true;
	if (m->type != EXEC_ASSIGN || *stats_fd < 0)
		return false;
	m->sid[EXEC_SID_MAX] = '\0';
	return true;
}

static void take_session(const struct exec_msg *m, int stats_fd)
{
	int r;

	ex.stats = mmap(NULL, sizeof(*ex.stats), PROT_READ | PROT_WRITE,
			MAP_SHARED, stats_fd, 0);
	if (ex.stats == MAP_FAILED)
		fail(VGPU_E_NO_MEMORY, "the statistics page cannot be mapped");
	close(stats_fd);
	ex.domid = m->domid;
	memcpy(ex.sid, m->sid, sizeof(ex.sid));
	memcpy(ex.seal_key, m->key, sizeof(ex.seal_key));
	ex.objects = ex_objects_new();
	if (!ex.objects)
		fail(VGPU_E_NO_MEMORY, "no memory for the handle table");
	r = ex_map_session(&ex, m);
	if (r)
		fail((enum vgpu_error)r, ex.why);
	if (R.cuDriverGetVersion)
		R.cuDriverGetVersion((int *)&ex.ctl->driver_version);
	if (monitor_start(&ex) || waiter_start(&ex))
		fail(VGPU_E_NO_MEMORY, "the executor's threads cannot be "
		     "started");
}

static void serve(void)
{
	struct exec_msg m;
	enum vgpu_error end;
	int stats_fd = -1;

	do {
		if (!receive(&m, &stats_fd)) {
			log_debug("not needed any more");
			exit(0);
		}
		if (m.type == EXEC_CONTEXT)
			warm_hold(m.error);
	} while (m.type != EXEC_ASSIGN);
	take_session(&m, stats_fd);
	slack_open();
	warm_session();
	say(EXEC_READY, VGPU_E_OK, "");
	end = ex_loop(&ex);
	exec_end(&ex, end, end == VGPU_E_LEFT ? "the guest process left" :
		 "the guest wrote an impossible record into its ring");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "driver", required_argument, NULL, 'd' },
		{ "control-fd", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *driver = NULL;
	int level = LOG_INFO, c;
	char why[EXEC_TEXT_MAX];

	ex.control_fd = -1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			driver = optarg;
		else if (c == 'c')
			ex.control_fd = atoi(optarg);
		else if (c == 'l')
			level = log_level_from_name(optarg);
		else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	}
	if (!driver || ex.control_fd < 3 || level < 0) {
		fputs(usage, stderr);
		return 2;
	}
	log_open("vgpu-exec", (enum log_level)level);
	log_limit(LOG_BURST, LOG_RATE);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	share_init();
	if (output_open())
		fail(VGPU_E_NO_MEMORY, "no pipe for device output");
	if (real_load(driver, why, sizeof(why)))
		fail(strstr(why, "cuInit of") ? VGPU_E_DRIVER :
		     VGPU_E_NO_DRIVER, why);
	if (hmm_reaches_us())
		log_warn("GPUs reach all memory of this process, so a guest's "
			 "kernels do: load nvidia-uvm with uvm_disable_hmm=1");
	say(EXEC_HELLO, VGPU_E_OK, "");
	serve();
	return 0;
}
