/*
 * clock - what time it is and how to wait. One interface; a real clock, or the virtual one of a rehearsal.
 *
 * The virtual clock is a small mapped file shared by every program of a rehearsal. It is event-driven: it
 * jumps to the earliest instant anybody wants as soon as nobody holds it. Held means: a registered thread
 * runs (is not inside a clock_wait), a message between threads or processes is under way (clock_hold), or
 * a frame on a registered wire was sent and not yet worked off. So no machine is too slow for it.
 *
 * Life of a thread in it: clock_join() at its start (it now holds the clock by running), clock_wait*() to
 * sleep, clock_leave() at its end. A process that ends without leaving keeps its hold until its parent has
 * reaped it, then it is dropped: a driver that waits for a child sees the child's end before time moves.
 * clock_close() without clock_leave() keeps the hold as well, for the same reason.
 * clock_adopt_child() registers a child between fork and exec, so that no time passes while it starts.
 *
 * Real monotonic time (connect, TLS, HTTP, lock and database time-outs) never comes from here: use
 * clock_real_mono().
 *
 * Shape   one struct clock per process, one struct clock_seat per thread.
 * Units   struct wall: virtual or real microseconds UTC; struct mono: virtual or real, since boot of either.
 * Owner   the caller keeps both structs; opening and closing pair up.
 * Errors  REASON_CLOCK_FILE when the file is missing, not a clock, of another layout or full (64 seats);
 *         REASON_CLOCK_STOPPED from a wait when the driver closed the clock.
 */
#ifndef GJ_BASE_CLOCK_H
#define GJ_BASE_CLOCK_H

#include <poll.h>
#include <sys/types.h>

#include "shared/base/kst.h"
#include "shared/base/reason.h"

struct clock;
struct clock_seat;
struct clock_wire;

#define CLOCK_NEVER ((struct wall){ INT64_MAX })

enum clock_pace {
	CLOCK_EVENT, /* jumps from wanted instant to wanted instant */
	CLOCK_SPEED, /* runs at speed_ppm / 1,000,000 of real time, still never while held */
	CLOCK_STILL, /* stands until stepped or set going */
	CLOCK_ON_CALL, /* as EVENT, but only while a program that is not in the background waits for an instant */
};

/* ---- any program ---- */
enum reason clock_open_real(struct clock **out);
enum reason clock_open_virtual(const char *path, struct clock **out);
void clock_close(struct clock *clk);
bool clock_is_virtual(const struct clock *clk);
/* This program's waits move no CLOCK_ON_CALL clock: the simulator and the realtime programs, which always want the next
 * instant. Call it before the first clock_join. */
void clock_background(struct clock *clk);
bool clock_stopped(const struct clock *clk); /* for loops that only know clock_idle_* */
struct wall clock_wall(const struct clock *clk);
struct mono clock_mono(const struct clock *clk);
struct mono clock_real_mono(void); /* CLOCK_BOOTTIME, for time-outs and the age of send marks */

/* ---- a thread ---- */
enum reason clock_join(struct clock *clk, const char *name, struct clock_seat **out);
void clock_leave(struct clock_seat *seat);
/* Sleeps until the instant; REASON_OK at once if it is past. */
enum reason clock_wait_until(struct clock_seat *seat, struct wall until);
enum reason clock_wait_us(struct clock_seat *seat, int64_t us);
/* poll(2) on fds until one is ready or the instant comes. *out_ready = number of ready fds, 0 = the instant.
 * A signal returns REASON_INTERRUPTED. */
enum reason clock_poll(struct clock_seat *seat, struct pollfd *fds, nfds_t fd_count, struct wall until,
		       int *out_ready);
/* For a loop that must wait inside somebody else's call (lws_service): begin, wait there, end.
 * `wake` is called from another thread when the instant comes or the clock stops; it must make that call
 * return, do nothing else, and is not called any more once clock_idle_end has returned. */
void clock_idle_begin(struct clock_seat *seat, struct wall until, void (*wake)(void *), void *arg);
void clock_idle_end(struct clock_seat *seat);

/* ---- messages under way ---- */
void clock_hold(struct clock *clk); /* before handing a message to another thread of this process */
void clock_unhold(struct clock *clk); /* by its receiver, once it is worked off or runs itself */
/* A wire is one TCP connection whose receiver takes part in the clock; named by the receiver's local port. */
enum reason clock_wire_open(struct clock *clk, uint16_t receiver_port,
			    struct clock_wire **out); /* receiver */
void clock_wire_done(struct clock_wire *wire, uint32_t frame_count); /* receiver: worked off */
void clock_wire_close(struct clock_wire *wire);
bool clock_wire_sent(struct clock *clk, uint16_t receiver_port,
		     uint32_t frame_count); /* sender, before the write; false = no such wire */

/* ---- the driver of a rehearsal ---- */
enum reason clock_create(const char *path, struct wall start);
enum reason clock_set_pace(struct clock *clk, enum clock_pace pace, int64_t speed_ppm);
enum reason clock_set_limit(struct clock *clk, struct wall limit); /* never passes it; CLOCK_NEVER = none */
enum reason clock_step(struct clock *clk, struct wall to); /* STILL only: moves as EVENT does, up to `to` */
enum reason clock_adopt_child(struct clock *clk, pid_t child, const char *name);
void clock_stop(struct clock *clk); /* every wait returns CLOCK_STOPPED */
uint32_t clock_recovered(const struct clock *clk); /* how often a process died inside its lock */
/* Who holds it, for people: "worker/order running; wire 43210 2 frames". Returns out. */
const char *clock_holders(const struct clock *clk, char *out, size_t out_size);

#endif
