/*
 * worker - what the realtime programs share: the opened house, the queues between the threads, the threads.
 *
 *   feed thread --ticks, notices--> engine (the main thread) --intents--> order thread --outcomes--> engine
 *                                      |--rows--> store thread             ledger thread --listings, prices--> engine
 *                                      |--wants--> ledger thread           store thread --control, database--> engine
 *
 * Shape   struct worker is filled by worker_open (configuration to lease), worker_inputs (frozen inputs), and then run by
 *         worker_run until the engine says DONE. main.c sets `place`; observer.c leaves it NULL, so that placing an
 *         order is not even linked into it.
 * Owner   the program's main thread. Each thread has its own database connection, broker client and clock seat.
 * Errors  opening: enum reason with a detail. Running: trouble becomes an event for the engine.
 */
#ifndef GJ_WORKER_WORKER_H
#define GJ_WORKER_WORKER_H

#include <stdatomic.h>

#include "shared/kis/kis.h"
#include "shared/kis/stream.h"
#include "shared/store/login.h"
#include "shared/store/tables.h"
#include "shared/trade/certificate.h"
#include "worker/engine.h"
#include "worker/journal.h"
#include "worker/queue.h"

struct worker;

struct order_job { /* engine -> order thread */
	struct order order;
	bool reduces_risk;
	char signal_code[33];
	struct mono stepped, queued; /* real time: its event was taken, it was handed over */
};
enum ledger_want { LEDGER_ORDERS, LEDGER_PRICES, LEDGER_BALANCE };
struct ledger_job {
	enum ledger_want want;
};
struct store_job { /* engine -> store thread */
	struct wall at;
	uint64_t seq;
	struct engine_action action;
};

/* The one function that can place a new order; main.c gives order_place, observer.c nothing. */
typedef enum reason place_order(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
				struct kis_order_result *out);

struct worker {
	const char *program; /* "worker" or "observer" */
	enum vault_role role;
	const char *db_user;
	place_order *place;

	struct conf cfg;
	const struct conf_account *acct;
	enum kis_env env;
	struct clock *clock;
	struct db *db; /* of the main thread; idle once the threads run */
	struct account_row account;
	struct kst_day day;
	struct kis_keys *keys; /* locked memory */
	char account_number[16]; /* 8 + 2 digits, to know our own notices */
	struct certificate cert;
	bool certified;
	struct lease_row lease; /* as taken; read-only afterwards */
	bool lease_ours;
	char holder[97];
	struct engine_inputs *inputs;
	struct engine *engine;
	struct journal *journal;
	char journal_path[FILE_PATH_SIZE];

	struct queue events; /* struct engine_event */
	struct queue orders; /* struct order_job */
	struct queue wants; /* struct ledger_job */
	struct queue rows; /* struct store_job */
	atomic_bool stopping; /* threads leave once their queue is empty */
	atomic_bool lease_lost;
	atomic_int mode_now; /* enum mode in force, for the heartbeat */
	atomic_int state_now; /* enum engine_state */
	atomic_int listing_read; /* the engine has worked off the ledger thread's rows; starts at 1 */
	atomic_bool
		order_waits; /* for its turn at the broker: prices step back, on paper they share one lane */
	int rows_fd; /* eventfd: written with it */
	void *feed_context; /* struct lws_context of the feed thread, for feed_wake; guarded by feed_lock */
	pthread_mutex_t feed_lock;
	atomic_int login_version; /* grows when the store thread read a newer token */
	struct kis_login login; /* guarded by login_lock */
	pthread_mutex_t login_lock;
};

struct worker_options {
	const char *config, *account;
	int64_t certificate_id; /* 0 = none given */
};
void worker_options(int argc, char **argv, const char *doc, bool certificate, struct worker_options *out);

/* worker_open.c */
enum reason worker_open(struct worker *w, const struct worker_options *opt);
enum reason worker_take_certificate(struct worker *w,
				    int64_t certificate_id); /* read, verify, check, consume, lease */
enum reason worker_take_lease(struct worker *w); /* observer: without a certificate */
void worker_close(struct worker *w);
enum reason worker_read_login(struct worker *w, struct db *db); /* newest token into w->login */
/* Tells a refusal once: log line, standard error, and an alert row where the database answers. */
void worker_refuse(struct worker *w, enum reason why);

/* worker_inputs.c */
enum reason worker_inputs(struct worker *w);

/* worker_run.c */
enum reason worker_run(struct worker *w);

/* threads; each runs until w->stopping and its queue is empty */
void *feed_thread(void *worker);
/* First and last of each thread's body. No time passes while a thread starts or ends: worker_run holds the clock from before
 * it is made until it has its seat, and its last act leaves a hold until it is joined. */
enum reason worker_thread_enter(struct worker *w, const char *name, struct clock_seat **out_seat);
void worker_thread_leave(struct worker *w, struct clock_seat *seat);
void feed_wake(struct worker *w); /* it waits inside libwebsockets */
void *order_thread(void *worker);
void *ledger_thread(void *worker);
void *store_thread(void *worker);

/* Gives an event to the engine; a full queue is counted there and stops trading. */
void worker_tell(struct worker *w, const struct engine_event *event);
enum reason worker_db(struct worker *w, struct db **out); /* a thread's own connection */
enum reason worker_kis(struct worker *w, struct clock_seat *seat, struct kis_login *login, struct kis **out);
/* Copies the newest login into the thread's own; true when it changed. */
bool worker_login(struct worker *w, struct kis_login *mine, int *version);

/* order_place.c: linked into bin/worker alone. */
enum reason order_place(struct kis *kis, struct kis_order_ticket *ticket, int64_t mark_age_max_ms,
			struct kis_order_result *out);

#endif
