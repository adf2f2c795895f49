// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xenbus_fsm.h"

#define S(name) VGPU_STATE_##name

static const char *const state_names[] = {
	[S(UNKNOWN)] = "unknown",	    [S(INITIALISING)] = "initialising",
	[S(INIT_WAIT)] = "init-wait",	    [S(INITIALISED)] = "initialised",
	[S(CONNECTED)] = "connected",	    [S(CLOSING)] = "closing",
	[S(CLOSED)] = "closed",		    [S(RECONFIGURING)] = "reconfiguring",
	[S(RECONFIGURED)] = "reconfigured",
};

const char *xenbus_state_name(enum vgpu_state s)
{
	return (unsigned int)s > S(RECONFIGURED) ? "impossible" :
						   state_names[s];
}

static struct fsm_step move(enum vgpu_state next, bool end, bool restarted)
{
	return (struct fsm_step){ next, end, restarted };
}

/* Is somebody there who will answer our Closing? */
static bool frontend_listens(enum vgpu_state fe)
{
	return fe == S(INITIALISED) || fe == S(CONNECTED) || fe == S(CLOSING);
}

static struct fsm_step at_init_wait(enum vgpu_state fe)
{
	switch (fe) {
	case S(INITIALISED):
	/* A guest process that was between our 4 and its own 4 when another
	 * one restarted the frontend: nobody would write 3 any more. */
	case S(CONNECTED):
		return move(S(CONNECTED), false, false);
	case S(CLOSING):
		return move(S(CLOSING), false, false);
	case S(CLOSED):
	case S(UNKNOWN):
		return move(S(CLOSED), false, false);
	default:
		return move(S(INIT_WAIT), false, false);
	}
}

static struct fsm_step at_connected(enum vgpu_state fe)
{
	switch (fe) {
	case S(INITIALISING):
	case S(INIT_WAIT):
		return move(S(INIT_WAIT), true, true);
	case S(CLOSING):
		return move(S(CLOSING), true, false);
	case S(CLOSED):
	case S(UNKNOWN):
		return move(S(CLOSED), true, false);
	default: /* 3 again: a second guest process raced the first */
		return move(S(CONNECTED), false, false);
	}
}

static struct fsm_step at_closing(enum vgpu_state fe)
{
	switch (fe) {
	case S(INITIALISING):
	case S(INIT_WAIT):
	case S(INITIALISED):
		return move(S(INIT_WAIT), true, true);
	case S(CLOSED):
	case S(UNKNOWN):
		return move(S(CLOSED), true, false);
	default:
		return move(S(CLOSING), false, false);
	}
}

static struct fsm_step at_closed(enum vgpu_state fe)
{
	switch (fe) {
	case S(INITIALISING):
	case S(INIT_WAIT):
	case S(INITIALISED):
		return move(S(INIT_WAIT), true, true);
	/* The device was away for a while, and a frontend that is only a
	 * library in each process has nobody who would have noticed. */
	case S(CONNECTED):
		return move(S(INIT_WAIT), true, false);
	default:
		return move(S(CLOSED), false, false);
	}
}

static struct fsm_step unwanted(enum vgpu_state be, enum vgpu_state fe)
{
	if (be == S(CLOSED))
		return move(S(CLOSED), false, false);
	if (frontend_listens(fe))
		return move(S(CLOSING), be != S(CLOSING), false);
	return move(S(CLOSED), be != S(CLOSING), false);
}

struct fsm_step xenbus_fsm(enum vgpu_state be, enum vgpu_state fe, bool wanted)
{
	if (!wanted)
		return be == S(INITIALISING) || be == S(INIT_WAIT) ||
				       be == S(CONNECTED) || be == S(CLOSING) ?
			       unwanted(be, fe) :
			       move(S(CLOSED), be != S(CLOSED), false);
	switch (be) {
	case S(INITIALISING):
		return move(S(INIT_WAIT), false, false);
	case S(INIT_WAIT):
		return at_init_wait(fe);
	case S(CONNECTED):
		return at_connected(fe);
	case S(CLOSING):
		return at_closing(fe);
	case S(CLOSED):
		return at_closed(fe);
	default:
		return move(S(CLOSED), true, false);
	}
}
