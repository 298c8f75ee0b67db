/*
 * queue - messages of one size between threads; bounded, many writers, one reader.
 *
 * Shape   a ring of `room` elements under a mutex that is held for one copy only, and an eventfd that is readable while
 *         something waits. The reader: pop until empty, then queue_idle(); if that says true, clock_poll on fd and
 *         queue_awake(). A message to an idle reader holds the clock until the reader is awake and holds it by running; a
 *         reader that waits for something else (its turn at the broker) is not idle here, and time goes on for it.
 * Owner   queue_open/queue_close.
 * Errors  a full queue refuses (false) and counts; nothing is overwritten.
 */
#ifndef GJ_WORKER_QUEUE_H
#define GJ_WORKER_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/clock.h"

struct queue {
	pthread_mutex_t lock;
	uint8_t *bytes;
	size_t size, room, head, count;
	bool idle, held; /* the reader waits here; a message to it holds the clock */
	uint64_t refused;
	int fd; /* eventfd; -1 = not open */
	struct clock *clock;
};
enum reason queue_open(struct queue *queue, struct clock *clk, size_t size, size_t room);
void queue_close(struct queue *queue);
bool queue_push(struct queue *queue, const void *message);
bool queue_pop(struct queue *queue, void *message); /* false = empty */
bool queue_idle(struct queue *queue); /* false: something came, do not wait */
void queue_awake(struct queue *queue);
uint64_t queue_refused(struct queue *queue);
size_t queue_count(struct queue *queue);
void queue_kick(struct queue *queue); /* wakes the reader without a message */

#endif
