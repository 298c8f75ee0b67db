/*
 * late_threads - preloaded into the worker: each of its threads begins 30 ms late, as on a loaded machine. What is promised
 * about virtual time must not rest on how soon a thread gets the processor.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct start {
	void *(*body)(void *);
	void *arg;
};

static void *begin_late(void *arg)
{
	const struct timespec late = { .tv_nsec = 30 * 1000 * 1000 };
	struct start start = *(struct start *)arg;

	free(arg);
	(void)nanosleep(&late, NULL);
	return start.body(start.arg);
}

int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*body)(void *), void *arg)
{
	int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	struct start *start;
	void *found = dlsym(RTLD_NEXT, "pthread_create");

	memcpy(&next, &found, sizeof(next)); /* a cast from an object pointer is not C */
	if (strcmp(program_invocation_short_name, "worker") != 0)
		return next(out, attr, body, arg);
	start = malloc(sizeof(*start));
	if (start == NULL)
		return EAGAIN;
	*start = (struct start){ body, arg };
	return next(out, attr, begin_late, start);
}
