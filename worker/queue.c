#include "worker/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/banned.h"

enum reason queue_open(struct queue *queue, struct clock *clk, size_t size, size_t room)
{
	*queue = (struct queue){ .size = size, .room = room, .fd = -1, .clock = clk };
	if (pthread_mutex_init(&queue->lock, NULL) != 0)
		return reason_set(REASON_NO_MEMORY, "no mutex for a queue");
	queue->bytes = calloc(room, size);
	queue->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->bytes == NULL || queue->fd < 0) {
		queue_close(queue);
		return reason_set(REASON_NO_MEMORY, "no room for a queue of %zu messages: %s", room,
				  strerror(errno));
	}
	/* Touched now, so that no page fault stands in the tick path later. */
	memset(queue->bytes, 0, size * room);
	return REASON_OK;
}

void queue_close(struct queue *queue)
{
	if (queue->bytes == NULL && queue->fd <= 0)
		return;
	queue_awake(queue);
	if (queue->fd >= 0)
		(void)close(queue->fd);
	free(queue->bytes);
	(void)pthread_mutex_destroy(&queue->lock);
	*queue = (struct queue){ .fd = -1 };
}

void queue_kick(struct queue *queue)
{
	uint64_t one = 1;

	/* EAGAIN means that the counter is at its top: the reader is woken anyway. */
	if (write(queue->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		BUG_IF(true, "an eventfd takes a write");
}

bool queue_push(struct queue *queue, const void *message)
{
	bool taken = false;

	(void)pthread_mutex_lock(&queue->lock);
	if (queue->count < queue->room) {
		memcpy(queue->bytes + (queue->head + queue->count) % queue->room * queue->size, message,
		       queue->size);
		queue->count++;
		taken = true;
	} else {
		queue->refused++;
	}
	if (taken && queue->idle && !queue->held) {
		clock_hold(queue->clock);
		queue->held = true;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	if (taken)
		queue_kick(queue);
	return taken;
}

bool queue_pop(struct queue *queue, void *message)
{
	bool any;

	(void)pthread_mutex_lock(&queue->lock);
	any = queue->count > 0;
	if (any) {
		memcpy(message, queue->bytes + queue->head * queue->size, queue->size);
		queue->head = (queue->head + 1) % queue->room;
		queue->count--;
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return any;
}

bool queue_idle(struct queue *queue)
{
	uint64_t counter;

	(void)pthread_mutex_lock(&queue->lock);
	queue->idle = queue->count == 0;
	/* Emptied under the lock: a push after this makes it readable again. */
	if (queue->idle && read(queue->fd, &counter, sizeof(counter)) < 0 && errno != EAGAIN)
		BUG_IF(true, "an eventfd can be read");
	(void)pthread_mutex_unlock(&queue->lock);
	return queue->idle;
}

void queue_awake(struct queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->idle = false;
	if (queue->held)
		clock_unhold(queue->clock);
	queue->held = false;
	(void)pthread_mutex_unlock(&queue->lock);
}

uint64_t queue_refused(struct queue *queue)
{
	uint64_t refused;

	(void)pthread_mutex_lock(&queue->lock);
	refused = queue->refused;
	(void)pthread_mutex_unlock(&queue->lock);
	return refused;
}

size_t queue_count(struct queue *queue)
{
	size_t count;

	(void)pthread_mutex_lock(&queue->lock);
	count = queue->count;
	(void)pthread_mutex_unlock(&queue->lock);
	return count;
}
