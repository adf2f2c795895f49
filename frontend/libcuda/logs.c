// SPDX-License-Identifier: BSD-2-Clause
/*
 * logs.c - the error log (cuLogs*, CUDA_LOG_FILE): a line for each call that
 * fails, after what the host's driver had to say of it. It is kept from the
 * first call that asks for it: until then entry points go straight to their
 * functions.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/trace.h"
#include "frontend/libcuda/vg.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "tools/lib/log.h"

#define KEPT 100u /* what NVIDIA's driver keeps */

struct entry {
	struct timespec at;
	pthread_t thread;
	CUlogLevel level;
	char *text;
};

struct CUlogsCallbackEntry_st {
	CUlogsCallback fn;
	void *arg;
	struct CUlogsCallbackEntry_st *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry entry[KEPT];
static uint32_t total; /* entries ever made; the next one's number */
static struct CUlogsCallbackEntry_st *callbacks;
static char file[512]; /* of CUDA_LOG_FILE; empty: none */
static _Thread_local bool telling;
static _Atomic bool host_asked;

/* ---- lines ------------------------------------------------------------- */

static void print_entry(FILE *f, const struct entry *e)
{
	char day[16];
	struct tm tm;

	localtime_r(&e->at.tv_sec, &tm);
	strftime(day, sizeof(day), "%H:%M:%S", &tm);
	fprintf(f, "[%s.%03ld][%lu][CUDA][%c] %s\n", day,
		e->at.tv_nsec / 1000000, (unsigned long)e->thread,
		e->level == CU_LOG_LEVEL_WARNING ? 'W' : 'E', e->text);
}

static void print_to_file(const struct entry *e)
{
	FILE *f = !strcmp(file, "stdout") ? stdout :
		  !strcmp(file, "stderr") ? stderr : fopen(file, "ae");

	if (!f)
		return;
	print_entry(f, e);
	if (f == stdout || f == stderr)
		fflush(f);
	else
		fclose(f);
}

/* One at a time: a callback may take others away, and itself. */
static bool nth_callback(uint32_t n, struct CUlogsCallbackEntry_st *ret)
{
	struct CUlogsCallbackEntry_st *c;

	pthread_mutex_lock(&lock);
	for (c = callbacks; c && n; n--)
		c = c->next;
	if (c)
		*ret = *c;
	pthread_mutex_unlock(&lock);
	return c != NULL;
}

static void tell(CUlogLevel level, char *text)
{
	struct CUlogsCallbackEntry_st c;

	if (telling)
		return; /* calls of a callback that fail */
	telling = true;
	for (uint32_t i = 0; nth_callback(i, &c); i++)
		c.fn(c.arg, level, text, strlen(text));
	telling = false;
}

static void add(CUlogLevel level, const char *text)
{
	struct entry e = { .level = level, .thread = pthread_self() }, *at;
	char *copy = strdup(text);

	e.text = strdup(text);
	if (copy && e.text) {
		clock_gettime(CLOCK_REALTIME, &e.at);
		pthread_mutex_lock(&lock);
		at = &entry[total++ % KEPT];
		free(at->text);
		*at = e;
		if (*file)
			print_to_file(at);
		pthread_mutex_unlock(&lock);
		tell(level, copy);
	} else {
		free(e.text);
	}
	free(copy);
}

/* ---- calls that fail --------------------------------------------------- */

/* What the host's driver said of the calls that failed there. */
static void ask_host(void)
{
	struct in_vgOutput in = { .cap = 1536 };
	struct { struct out_vgOutput h; char text[1536]; } out = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg d[] = { { &out.h, sizeof(out.h) },
			      { out.text, sizeof(out.text) } };
	char *line = out.text, *end;

	if (atomic_load(&vg_status))
		return;
	atomic_store(&host_asked, true);
	if (vg_call(OP_vgLogs, &s, 1, d, 2) || out.h.len > sizeof(out.text))
		return;
	while ((end = memchr(line, '\n', out.h.len - (size_t)(line -
							      out.text)))) {
		*end = '\0';
		add(*line == 'W' ? CU_LOG_LEVEL_WARNING : CU_LOG_LEVEL_ERROR,
		    line + 1);
		line = end + 1;
	}
}

static void name_of(uint32_t call, char *name, size_t size)
{
	size_t n;

	snprintf(name, size, "%s", vg_trace_name[call]);
	n = strlen(name);
	if (n > 5 && (!strcmp(name + n - 5, "_ptsz") ||
		      !strcmp(name + n - 5, "_ptds")))
		name[n - 5] = '\0';
}

/* An entry point's function has returned @r. */
uint32_t vg_logs_leave(uint32_t call, uint32_t r)
{
	const char *what = "?";
	char line[192], name[96];

	if (likely(!r || r == CUDA_ERROR_NOT_READY)) {
		if (unlikely(!atomic_load(&host_asked)))
			ask_host();
		return r;
	}
	ask_host();
	cuGetErrorName((CUresult)r, &what);
	name_of(call, name, sizeof(name));
	snprintf(line, sizeof(line), "Returning %u (%s) from %s", r,
		 what ? what : "?", name);
	add(CU_LOG_LEVEL_ERROR, line);
	return r;
}

void vg_logs_say(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!__atomic_load_n(&vg_logging, __ATOMIC_RELAXED))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	add(CU_LOG_LEVEL_ERROR, line);
}

static void keep(void)
{
	__atomic_store_n(&vg_logging, 1, __ATOMIC_RELAXED);
}

void vg_logs_open(void)
{
	const char *e = secure_getenv("CUDA_LOG_FILE");

	if (!e || !*e)
		return;
	if (strlen(e) >= sizeof(file)) {
		log_error("CUDA_LOG_FILE: a path of more than %zu characters",
			  sizeof(file) - 1);
		return;
	}
	strcpy(file, e);
	keep();
}

/* The calls of this library itself: they are wrong in words. */
static CUresult wrong(const char *text)
{
	keep();
	add(CU_LOG_LEVEL_ERROR, text);
	return CUDA_ERROR_INVALID_VALUE;
}

/* ---- callbacks --------------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI cuLogsRegisterCallback(CUlogsCallback callbackFunc,
						  void *userData,
						  CUlogsCallbackHandle *out)
{
	struct CUlogsCallbackEntry_st *c, **at;

	if (!callbackFunc)
		return wrong("callbackFunc cannot be NULL");
	c = malloc(sizeof(*c));
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*c = (struct CUlogsCallbackEntry_st){ callbackFunc, userData, NULL };
	pthread_mutex_lock(&lock);
	for (at = &callbacks; *at; at = &(*at)->next)
		;
	*at = c;
	pthread_mutex_unlock(&lock);
	if (out)
		*out = c;
	keep();
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuLogsUnregisterCallback(CUlogsCallbackHandle h)
{
	struct CUlogsCallbackEntry_st **at;

	pthread_mutex_lock(&lock);
	for (at = &callbacks; *at && *at != h; at = &(*at)->next)
		;
	if (h && *at)
		*at = h->next;
	else
		h = NULL;
	pthread_mutex_unlock(&lock);
	if (!h)
		return wrong("callback is not registered");
	free(h);
	return CUDA_SUCCESS;
}

/* ---- dumping ----------------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI cuLogsCurrent(CUlogIterator *iterator_out,
					 unsigned int flags)
{
	(void)flags; /* NVIDIA's driver does not look at them either */
	if (!iterator_out)
		return wrong("iterator_out cannot be NULL");
	keep();
	pthread_mutex_lock(&lock);
	*iterator_out = total;
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

static void print_lost(FILE *f, uint32_t n)
{
	fprintf(f, "%u older messages are not here\n", n);
}

static uint32_t first_of(const CUlogIterator *iterator)
{
	uint32_t oldest = total > KEPT ? total - KEPT : 0;

	return !iterator ? oldest : *iterator > total ? total : *iterator;
}

/* Entries from @skip on, of those from @from on; what is left out is told. */
static char *dump(uint32_t from, uint32_t skip, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);

	if (!f)
		return NULL;
	if (skip > from)
		print_lost(f, skip - from);
	for (uint32_t i = skip; i != total; i++)
		print_entry(f, &entry[i % KEPT]);
	fclose(f);
	return text;
}

/* The newest that are @room bytes or less. NULL: not one is. */
static char *dump_into(const CUlogIterator *iterator, size_t room,
		       size_t *size)
{
	uint32_t from = first_of(iterator);
	uint32_t oldest = total > KEPT ? total - KEPT : 0;
	uint32_t skip = from < oldest ? oldest : from;
	char *text = dump(from, skip, size);

	while (text && *size > room && skip != total) {
		free(text);
		text = ++skip == total ? NULL : dump(from, skip, size);
	}
	return text;
}

VG_EXPORT CUresult CUDAAPI cuLogsDumpToMemory(CUlogIterator *iterator,
					      char *buffer, size_t *size,
					      unsigned int flags)
{
	AUTO_FREE char *text = NULL;
	size_t n = 0;

	if (!buffer)
		return wrong("buffer cannot be NULL");
	if (!size)
		return wrong("size cannot be NULL");
	if (flags)
		return wrong("flags must be 0");
	keep();
	pthread_mutex_lock(&lock);
	if (*size)
		text = dump_into(iterator, *size - 1, &n);
	if (text && iterator)
		*iterator = total;
	pthread_mutex_unlock(&lock);
	*size = text ? n : 0;
	if (!text)
		return wrong("the buffer is too small for one message");
	memcpy(buffer, text, n + 1);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuLogsDumpToFile(CUlogIterator *iterator,
					    const char *pathToFile,
					    unsigned int flags)
{
	AUTO_FREE char *text = NULL;
	size_t n = 0;
	bool good;
	FILE *f;

	if (!pathToFile)
		return wrong("pathToFile cannot be NULL");
	if (flags)
		return wrong("flags must be 0");
	keep();
	f = fopen(pathToFile, "we");
	if (!f)
		return wrong("pathToFile cannot be written");
	pthread_mutex_lock(&lock);
	text = dump_into(iterator, SIZE_MAX, &n);
	if (text && iterator)
		*iterator = total;
	pthread_mutex_unlock(&lock);
	good = text && fwrite(text, 1, n, f) == n;
	good = !fclose(f) && good;
	return good ? CUDA_SUCCESS : wrong("pathToFile cannot be written");
}
