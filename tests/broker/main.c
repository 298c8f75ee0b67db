/*
 * broker - a simulator of the broker's REST and WebSocket services, for tests and rehearsals.
 *
 * One thread, one loop: libwebsockets waits for its sockets and for our epoll descriptor (REST, control, signals,
 * delayed answers), and is woken when the clock reaches the next instant of the market. See README.md.
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "tests/broker/accounts_file.h"
#include "tests/broker/rest.h"
#include "tests/broker/tls.h"

#include "shared/base/banned.h"

#define ASSIGNMENTS_MAX 128
#define EVENTS_MAX      64
#define SPEED_MAX       INT64_C(1000000)
#define PPM_WHOLE       INT64_C(1000000)
#define FOLDERS_UP_MAX  4 /* build/san/bin/broker lies three below the folder of the project */
#define DAYS_BACK_MAX   30 /* trading days between the newest figures and the day that is played */

enum clock_kind { CLOCK_HOST, CLOCK_AT_SPEED, CLOCK_BY_EVENT, CLOCK_STANDING };

struct options {
	bool paper;
	const char *day, *at, *market, *clock_file, *state, *accounts, *control, *data, *ca_out, *calendar,
		*log, *faults;
	const char *assignments[ASSIGNMENTS_MAX];
	size_t assignment_count;
	uint16_t rest_port, ws_port;
	enum clock_kind clock;
	int64_t speed;
};

struct program {
	struct broker b;
	struct options opt;
	char data_room[FILE_PATH_SIZE], calendar_room[FILE_PATH_SIZE];
	const char *calendar_folder;
	SSL_CTX *tls;
	int epoll_fd, signal_fd, timer_fd;
	char clock_path[FILE_PATH_SIZE];
	bool clock_is_ours; /* the file goes with us */
	const char *frames; /* recorded market, NULL = none */
	enum exch_market_kind market;
	uint64_t seed;
};

/* ---- options ---- */

enum {
	OPT_ENV = 256,
	OPT_DAY,
	OPT_AT,
	OPT_REST,
	OPT_WS,
	OPT_CLOCK,
	OPT_CLOCK_FILE,
	OPT_STATE,
	OPT_MARKET,
	OPT_ACCOUNTS,
	OPT_CONTROL,
	OPT_SET,
	OPT_DATA,
	OPT_CA,
	OPT_CALENDAR,
	OPT_LOG,
	OPT_FAULTS,
	OPT_HELP
};

static const struct argp_option option_table[] = {
	{ "env", OPT_ENV, "real|paper", 0, "whose rules are played (real)", 0 },
	{ "day", OPT_DAY, "DATE", 0, "day that is played, like 2021-01-04 (the clock's own day)", 0 },
	{ "at", OPT_AT, "TIME", 0, "time of the day at which a clock of our own starts (08:00:00)", 0 },
	{ "rest-port", OPT_REST, "N", 0, "HTTPS port on 127.0.0.1; 0 = a free one (0)", 0 },
	{ "ws-port", OPT_WS, "N", 0, "WebSocket port on 127.0.0.1; 0 = a free one (0)", 0 },
	{ "clock", OPT_CLOCK, "real|virtual[,SPEED|,still]", 0,
	  "real: seconds of the host, from --day and --at if a day is given; virtual: from event to event; "
	  "with a "
	  "number so many times faster than the host; still: until stepped (real)",
	  0 },
	{ "clock-file", OPT_CLOCK_FILE, "FILE", 0, "virtual clock to join; made if it is not there", 0 },
	{ "state", OPT_STATE, "FILE", 0,
	  "accounts and orders: read at the start if there, written at the end", 0 },
	{ "market", OPT_MARKET, "seed[:N]|still|FILE", 0,
	  "seed: trades between the day's real figures, N decides the path; still: one trade a second at the "
	  "last price; FILE: recorded frames, one a line, for their symbols, seed:1 for the others "
	  "(seed:1)",
	  0 },
	{ "accounts", OPT_ACCOUNTS, "FILE", 0, "JSON list of accounts; without it one account is made up",
	  0 },
	{ "control", OPT_CONTROL, "SOCKET", 0, "unix socket that takes commands, see CONTROL.md", 0 },
	{ "set", OPT_SET, "NAME=VALUE", 0, "a setting of the table below; may be repeated", 0 },
	{ "faults", OPT_FAULTS, "FILE", 0, "JSON list of faults, see CONTROL.md", 0 },
	{ "data", OPT_DATA, "DIR", 0,
	  "folder of krx_YYYYMMDD.csv (tests/data of the project the program lies in)", 0 },
	{ "ca-out", OPT_CA, "FILE", 0,
	  "the CA's certificate is written here (broker-ca.pem in the current folder)", 0 },
	{ "calendar", OPT_CALENDAR, "DIR", 0,
	  "folder of the trading calendar's tables (ops/data of that project)", 0 },
	{ "log", OPT_LOG, "FILE", 0, "a JSON line for every request is added here", 0 },
	{ "help", OPT_HELP, NULL, 0, "this text", -1 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static void help_more(void)
{
	printf("\nSettings (--set NAME=VALUE; yes/no or a word where the text begins with words):\n");
	settings_help(stdout);
	printf("\nEndpoints (method, path, ids: real, real before 2025, paper, paper before 2025):\n");
	rest_routes_help(stdout);
	printf("\nFaults (\"on\" names an endpoint, \"ws\" or \"host\"; seen by clients of REST, of the "
	       "WebSocket, or both):\n");
	faults_help(stdout);
	printf("\nExample:\n  bin/broker --day 2021-01-04 --at 09:59:00 --control /tmp/broker.sock --ca-out "
	       "/tmp/ca.pem\n");
}

static bool port_parse(const char *text, uint16_t *out)
{
	int64_t number;

	if (!num_parse(text, strlen(text), &number) || number < 0 || number > 65535)
		return false;
	*out = (uint16_t)number;
	return true;
}

static bool clock_parse(const char *text, struct options *opt)
{
	opt->speed = 1;
	if (strcmp(text, "real") == 0) {
		opt->clock = CLOCK_HOST;
		return true;
	}
	if (strcmp(text, "virtual") == 0) {
		opt->clock = CLOCK_BY_EVENT;
		return true;
	}
	if (strcmp(text, "virtual,still") == 0) {
		opt->clock = CLOCK_STANDING;
		return true;
	}
	opt->clock = CLOCK_AT_SPEED;
	return strncmp(text, "virtual,", 8) == 0 && num_parse(text + 8, strlen(text + 8), &opt->speed) &&
	       opt->speed > 0 && opt->speed <= SPEED_MAX;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *opt = state->input;

	switch (key) {
	case OPT_ENV:
		if (strcmp(arg, "real") != 0 && strcmp(arg, "paper") != 0)
			argp_error(state, "--env is real or paper");
		opt->paper = strcmp(arg, "paper") == 0;
		return 0;
	case OPT_DAY: opt->day = arg; return 0;
	case OPT_AT: opt->at = arg; return 0;
	case OPT_REST:
		if (!port_parse(arg, &opt->rest_port))
			argp_error(state, "--rest-port is 0 to 65535");
		return 0;
	case OPT_WS:
		if (!port_parse(arg, &opt->ws_port))
			argp_error(state, "--ws-port is 0 to 65535");
		return 0;
	case OPT_CLOCK:
		if (!clock_parse(arg, opt))
			argp_error(state,
				   "--clock is real, virtual, virtual,still or virtual,SPEED up to 1000000");
		return 0;
	case OPT_CLOCK_FILE: opt->clock_file = arg; return 0;
	case OPT_STATE: opt->state = arg; return 0;
	case OPT_MARKET: opt->market = arg; return 0;
	case OPT_ACCOUNTS: opt->accounts = arg; return 0;
	case OPT_CONTROL: opt->control = arg; return 0;
	case OPT_SET:
		if (opt->assignment_count == ASSIGNMENTS_MAX)
			argp_error(state, "more than %d settings", ASSIGNMENTS_MAX);
		opt->assignments[opt->assignment_count++] = arg;
		return 0;
	case OPT_FAULTS: opt->faults = arg; return 0;
	case OPT_DATA: opt->data = arg; return 0;
	case OPT_CA: opt->ca_out = arg; return 0;
	case OPT_CALENDAR: opt->calendar = arg; return 0;
	case OPT_LOG: opt->log = arg; return 0;
	case OPT_HELP:
		argp_state_help(state, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC);
		help_more();
		exit(0);
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is not understood; every option has a name", arg);
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp_table = {
	option_table,
	parse_option,
	NULL,
	"A simulator of the broker's services: REST over TLS and WebSocket on 127.0.0.1. When ready it "
	"prints one "
	"JSON line with its addresses and accounts; SIGTERM or the control command stop ends it.",
	NULL,
	NULL,
	NULL,
};

/* ---- time ---- */

/* How much the broker's clock is behind the program's: a fault on "host". */
static int64_t skew_us(const struct broker *b)
{
	const struct fault *f = faults_standing(&b->faults, "host", FAULT_clock_skew);

	return f == NULL ? 0 : f->number * 1000;
}

struct wall broker_now(const struct broker *b)
{
	return wall_add_us(clock_wall(b->clk), -skew_us(b));
}

uint64_t broker_random(struct broker *b)
{
	b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return b->random >> 33;
}

static enum reason day_of_exchange(const struct broker *b, struct kst_day day, struct exch_day *out)
{
	struct calendar_day known;
	enum reason why = calendar_at(&b->calendar, day, &known);

	*out = (struct exch_day){ .day = day, .previous = kst_day_add(day, -1) };
	if (why != REASON_OK)
		return why;
	out->trading = known.trading;
	for (size_t i = b->calendar_edit_count; i > 0; i--) {
		if (kst_day_same(b->calendar_edits[i - 1].day, day)) {
			out->trading = b->calendar_edits[i - 1].open;
			break;
		}
	}
	out->open_s = known.open_s != 0 ? known.open_s : b->calendar.open_s;
	out->close_s = known.close_s != 0 ? known.close_s : b->calendar.close_s;
	return calendar_previous(&b->calendar, day, &out->previous);
}

static bool day_figures(const struct broker *b, struct kst_day day, char path[static FILE_PATH_SIZE])
{
	snprintf(path, FILE_PATH_SIZE, "%s/krx_%d.csv", b->data_folder, (int)day.yyyymmdd);
	return file_exists(path);
}

/* Past midnight the exchange begins its next day; figures of a day that nobody recorded are invented. */
static void roll_day(struct broker *b, struct wall now)
{
	struct exch_day next;
	char path[FILE_PATH_SIZE];

	while (exch_today(b->ex)->day.yyyymmdd < kst_day_of(now).yyyymmdd) {
		struct kst_day day = kst_day_add(exch_today(b->ex)->day, 1);

		exch_advance(b->ex, kst_wall(day, -1));
		if (day_figures(b, day, path) && exch_load_next(b->ex, path) != REASON_OK)
			return;
		if (day_of_exchange(b, day, &next) != REASON_OK ||
		    exch_day_begin(b->ex, &next, kst_wall(day, 0)) != REASON_OK)
			return; /* beyond the calendar: the day stays what it is */
	}
}

void broker_advance(struct broker *b)
{
	struct wall now = broker_now(b);

	roll_day(b, now);
	exch_advance(b->ex, now);
}

void broker_exchange_settings(struct broker *b)
{
	struct exch_lags lags = { .daily_us = setting(&b->set, SET_lag_daily_ms) * 1000,
				  .open_us = setting(&b->set, SET_lag_open_ms) * 1000,
				  .balance_us = setting(&b->set, SET_lag_balance_ms) * 1000 };
	static const enum exch_fill_rule fills[] = { EXCH_FILL_QUEUE, EXCH_FILL_CROSS, EXCH_FILL_NEVER };

	exch_lags_set(b->ex, &lags);
	exch_fill_set(b->ex, fills[setting(&b->set, SET_fill)]);
}

/* ---- set-up ---- */

/* A folder of the project, wherever the program was started: looked for from the program's own place upwards. */
static const char *project_folder(const char *name, char out[static FILE_PATH_SIZE])
{
	char exe[FILE_PATH_SIZE];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (len > 0) {
		char *slash;

		exe[len] = '\0';
		for (int i = 0; i < FOLDERS_UP_MAX && (slash = strrchr(exe, '/')) != NULL; i++) {
			*slash = '\0';
			if ((size_t)snprintf(out, FILE_PATH_SIZE, "%s/%s", exe, name) < FILE_PATH_SIZE &&
			    file_exists(out))
				return out;
		}
	}
	return name;
}

static enum reason open_settings(struct program *pg)
{
	settings_init(&pg->b.set, pg->opt.paper);
	pg->b.paper = pg->opt.paper;
	for (size_t i = 0; i < pg->opt.assignment_count; i++) {
		enum reason why = settings_assign(&pg->b.set, pg->opt.assignments[i]);

		if (why != REASON_OK)
			return why;
	}
	pg->b.random = (uint64_t)setting(&pg->b.set, SET_seed);
	return REASON_OK;
}

static enum reason open_market_option(struct program *pg)
{
	const char *market = pg->opt.market != NULL ? pg->opt.market : "seed:1";
	int64_t seed = 1;

	if (strcmp(market, "still") == 0) {
		pg->market = EXCH_MARKET_STILL;
		return REASON_OK;
	}
	if (file_exists(market))
		pg->frames = market;
	else if (strcmp(market, "seed") != 0 &&
		 (strncmp(market, "seed:", 5) != 0 || !num_parse(market + 5, strlen(market + 5), &seed) ||
		  seed < 0))
		return reason_set(REASON_BAD_USAGE,
				  "--market %s is not seed, seed:N, still or a file of frames", market);
	pg->market = EXCH_MARKET_PATH;
	pg->seed = (uint64_t)seed;
	return REASON_OK;
}

/* A clock of our own begins at --day and --at; an existing file is joined as it is. */
static enum reason make_clock(struct program *pg)
{
	struct options *opt = &pg->opt;
	const char *at = opt->at != NULL ? opt->at : "08:00:00";
	struct kst_day day;
	int32_t second;
	enum reason why;

	if (!kst_time_parse(at, &second))
		return reason_set(REASON_BAD_USAGE, "--at %s is not a time like 08:00:00", at);
	if (opt->day == NULL)
		return reason_set(REASON_BAD_USAGE,
				  "a clock of its own needs --day, the date at which it starts");
	if (!kst_day_parse(opt->day, &day))
		return reason_set(REASON_BAD_DAY, "--day %s is not a date; write it as 2021-01-04", opt->day);
	if (opt->clock_file != NULL)
		snprintf(pg->clock_path, sizeof pg->clock_path, "%s", opt->clock_file);
	else
		snprintf(pg->clock_path, sizeof pg->clock_path, "/tmp/broker-clock-%ld", (long)getpid());
	why = clock_create(pg->clock_path, kst_wall(day, second));
	pg->clock_is_ours = why == REASON_OK;
	return why;
}

static enum reason open_clock(struct program *pg)
{
	struct options *opt = &pg->opt;
	bool own = false;
	enum reason why;

	/* Clients of a clock that runs as the host's, which nobody can join, look at the host's. */
	pg->b.host_clients = opt->clock == CLOCK_HOST && opt->clock_file == NULL;
	if (opt->clock == CLOCK_HOST && opt->day == NULL && opt->clock_file == NULL) {
		why = clock_open_real(&pg->b.clk);
	} else {
		own = opt->clock_file == NULL || !file_exists(opt->clock_file);
		if (!own)
			snprintf(pg->clock_path, sizeof pg->clock_path, "%s", opt->clock_file);
		why = own ? make_clock(pg) : REASON_OK;
		if (why == REASON_OK)
			why = clock_open_virtual(pg->clock_path, &pg->b.clk);
	}
	if (why == REASON_OK && own && opt->clock == CLOCK_BY_EVENT)
		why = clock_set_pace(pg->b.clk, CLOCK_EVENT, PPM_WHOLE);
	else if (why == REASON_OK && own && opt->clock == CLOCK_STANDING)
		why = clock_set_pace(pg->b.clk, CLOCK_STILL, PPM_WHOLE);
	else if (why == REASON_OK && own)
		why = clock_set_pace(pg->b.clk, CLOCK_SPEED, opt->speed * PPM_WHOLE);
	if (why == REASON_OK) {
		clock_background(pg->b.clk);
		why = clock_join(pg->b.clk, "broker", &pg->b.seat);
	}
	return why;
}

/* The symbols scenarios take for granted, where no day's figures are played. */
static enum reason put_still_symbols(struct broker *b)
{
	static const struct {
		const char *code, *name;
		int64_t close_won;
	} symbols[] = { { "005930", "삼성전자", 70000 },
			{ "000660", "SK하이닉스", 180000 },
			{ "035720", "카카오", 45000 } };

	for (size_t i = 0; i < ARRAY_COUNT(symbols); i++) {
		enum reason why = exch_symbol_put(b->ex, symbols[i].code, symbols[i].name, false, false,
						  symbols[i].close_won, symbols[i].close_won);

		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

/* The trading day with figures before the day that is played, as far back as they go on without a gap. */
static bool first_figures(const struct broker *b, struct kst_day before, struct kst_day *out)
{
	struct kst_day day = before, previous;
	char path[FILE_PATH_SIZE];

	for (int i = 0; i < DAYS_BACK_MAX && !day_figures(b, day, path); i++) {
		if (calendar_previous(&b->calendar, day, &previous) != REASON_OK)
			return false;
		day = previous;
	}
	if (!day_figures(b, day, path))
		return false;
	while (calendar_previous(&b->calendar, day, &previous) == REASON_OK && day_figures(b, previous, path))
		day = previous;
	*out = day;
	return true;
}

/* Trading days between the first figures and the day that is played pass unseen, so that a day looks the same
 * whether the simulator ran through the night or was started on it. */
static enum reason pass_days(struct broker *b, struct kst_day first, const struct exch_day *played)
{
	struct exch_day day = { .day = first };
	char path[FILE_PATH_SIZE];
	enum reason why = calendar_next(&b->calendar, first, &day.day);

	/* The figures of its first day are there already; those of each other come before it begins. */
	while (why == REASON_OK && day.day.yyyymmdd < played->day.yyyymmdd) {
		why = day_of_exchange(b, day.day, &day);
		if (why == REASON_OK)
			why = exch_day_begin(b->ex, &day, kst_wall(day.day, 86399));
		if (why == REASON_OK)
			why = calendar_next(&b->calendar, day.day, &day.day);
		if (why == REASON_OK && day_figures(b, day.day, path))
			why = exch_load_next(b->ex, path);
	}
	return why;
}

static enum reason load_days(struct program *pg, const struct exch_day *day)
{
	struct broker *b = &pg->b;
	char previous[FILE_PATH_SIZE], today[FILE_PATH_SIZE];
	struct kst_day first, second;
	enum reason why;

	if (pg->market == EXCH_MARKET_STILL)
		return put_still_symbols(b);
	if (!first_figures(b, day->previous, &first)) {
		if (pg->frames != NULL)
			return REASON_OK;
		return reason_set(REASON_FILE_MISSING,
				  "%s has no figures of a trading day up to %d; play 2021-01-04 or use "
				  "--market still",
				  b->data_folder, (int)day->previous.yyyymmdd);
	}
	(void)day_figures(b, first, previous);
	why = calendar_next(&b->calendar, first, &second);
	if (why != REASON_OK)
		return why;
	why = exch_load_days(b->ex, previous, day_figures(b, second, today) ? today : NULL);
	if (why == REASON_OK && day->previous.yyyymmdd > first.yyyymmdd)
		why = pass_days(b, first, day);
	return why;
}

static enum reason load_frames(struct program *pg)
{
	size_t records = 0;

	return pg->frames == NULL ? REASON_OK : exch_load_frames(pg->b.ex, pg->frames, &records);
}

static enum reason load_closed_days(struct program *pg)
{
	char path[FILE_PATH_SIZE];

	snprintf(path, sizeof path, "%s/krx_closed_days.csv", pg->calendar_folder);
	return exch_load_closed_days(pg->b.ex, path);
}

static enum reason open_exchange(struct program *pg)
{
	struct broker *b = &pg->b;
	struct exch_config config = {
		.seed = pg->seed,
		.market = pg->market,
		.paper = b->paper,
		.prints_per_symbol = (int32_t)setting(&b->set, SET_prints_per_symbol),
		.odno_start = setting(&b->set, SET_odno_start),
		.odno_step = setting(&b->set, SET_odno_step),
		.odno_sor_step = setting(&b->set, SET_odno_sor_step),
		.sor_end_s = (int32_t)(setting(&b->set, SET_sor_end) / 100 * 3600 +
				       setting(&b->set, SET_sor_end) % 100 * 60),
		.fee_per_account = setting(&b->set, SET_fee_per_account) != 0,
		.drop_zero_rows = setting(&b->set, SET_drop_zero_rows) != 0,
		.branch_checked = setting(&b->set, SET_branch_checked) != 0,
		.after_fill = (enum exch_after_fill)setting(&b->set, SET_after_fill),
		.nxt_pre_late = setting(&b->set, SET_nxt_pre_late) != 0,
		.nxt_main_s = (int32_t)setting(&b->set, SET_nxt_main_s),
		.single_price_end = (int32_t)setting(&b->set, SET_single_price_end),
		.vi = setting(&b->set, SET_vi) != 0,
		.vi_percent = (int32_t)setting(&b->set, SET_vi_percent),
		.vi_s = (int32_t)setting(&b->set, SET_vi_s),
		.vi_dynamic_percent = (int32_t)setting(&b->set, SET_vi_dynamic_percent),
		.mid_prints_ppm = (int32_t)setting(&b->set, SET_mid_prints_ppm),
	};
	struct exch_day day;
	struct kst_day asked = kst_day_of(broker_now(b));
	enum reason why;

	b->data_folder = pg->opt.data != NULL ? pg->opt.data : project_folder("tests/data", pg->data_room);
	pg->calendar_folder =
		pg->opt.calendar != NULL ? pg->opt.calendar : project_folder("ops/data", pg->calendar_room);
	if (pg->opt.day != NULL && !kst_day_parse(pg->opt.day, &asked))
		return reason_set(REASON_BAD_DAY, "--day %s is not a date; write it as 2021-01-04",
				  pg->opt.day);
	why = calendar_load(&b->calendar, pg->calendar_folder);
	if (why == REASON_OK)
		why = day_of_exchange(b, asked, &day);
	if (why == REASON_OK)
		why = exch_new(&config, feed_event, b, &b->ex);
	if (why == REASON_OK)
		why = load_closed_days(pg);
	if (why == REASON_OK)
		why = load_days(pg, &day);
	if (why == REASON_OK)
		why = load_frames(pg);
	if (why == REASON_OK)
		why = accounts_file_load(b, pg->opt.accounts);
	if (why == REASON_OK && pg->opt.state != NULL && file_exists(pg->opt.state))
		why = exch_state_load(b->ex, pg->opt.state);
	if (why == REASON_OK)
		why = exch_day_begin(b->ex, &day, broker_now(b));
	if (why == REASON_OK)
		broker_exchange_settings(b);
	return why;
}

static enum reason load_faults(struct program *pg)
{
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;
	cJSON *root;
	enum reason why;

	pg->b.faults = (struct faults){ .random = (uint64_t)setting(&pg->b.set, SET_seed) };
	if (pg->opt.faults == NULL)
		return REASON_OK;
	why = file_read(pg->opt.faults, 1024 * 1024, &bytes, &bytes_size);
	if (why != REASON_OK)
		return why;
	root = cJSON_ParseWithLength((const char *)bytes, bytes_size);
	why = faults_set(&pg->b.faults, root);
	cJSON_Delete(root);
	file_free(bytes, bytes_size);
	return why;
}

/* ---- the loop ---- */

static void on_awake(void *arg)
{
	struct broker *b = arg;

	if (!b->idle)
		return;
	b->idle = false;
	clock_idle_end(b->seat);
}

static void on_epoll(void *arg)
{
	struct program *pg = arg; /* b is its first member */
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(pg->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < count; i++) {
		void *what = events[i].data.ptr;

		if (what == &pg->signal_fd) {
			struct signalfd_siginfo info;

			if (read(pg->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
				pg->b.stop = true;
		} else if (what == &pg->timer_fd) {
			uint64_t ticks;

			if (read(pg->timer_fd, &ticks, sizeof ticks) == (ssize_t)sizeof ticks)
				http_tick(pg->b.http);
		} else if (control_owns(pg->b.control, what)) {
			control_event(pg->b.control, what, events[i].events);
		} else if (http_owns(pg->b.http,
				     what)) { /* a connection that another event ended owns nothing */
			http_event(pg->b.http, what, events[i].events);
		}
	}
	feed_flush(pg->b.feed);
}

static void arm_timer(struct program *pg)
{
	int64_t wait_ms = http_wait_ms(pg->b.http);
	struct itimerspec when = { 0 };

	if (wait_ms >= 0) {
		when.it_value.tv_sec = wait_ms / 1000;
		when.it_value.tv_nsec = wait_ms % 1000 * 1000000 + 1; /* 0 would disarm it */
	}
	timerfd_settime(pg->timer_fd, 0, &when, NULL);
}

static void run(struct program *pg)
{
	struct broker *b = &pg->b;

	while (!b->stop) {
		struct wall until, feed_at;

		/* What clients sent comes before what the market does next. */
		ws_service(b->ws, false);
		broker_advance(b);
		feed_flush(b->feed);
		feed_tick(b->feed, broker_now(b));
		until = exch_next_event(b->ex);
		feed_at = feed_next(b->feed);
		if (feed_at.us < until.us)
			until = feed_at;
		if (until.us != INT64_MAX)
			until = wall_add_us(until, skew_us(b));
		if (b->stop || until.us <= clock_wall(b->clk).us)
			continue;
		arm_timer(pg);
		b->idle = true;
		clock_idle_begin(b->seat, until, ws_wake, b->ws);
		ws_service(b->ws, true);
		on_awake(b);
	}
}

static enum reason watch(struct program *pg, int fd, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(pg->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		return reason_set(REASON_INTERNAL, "epoll: %s", strerror(errno));
	return REASON_OK;
}

static enum reason open_descriptors(struct program *pg)
{
	sigset_t stops;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &stops, NULL) != 0)
		return reason_set(REASON_INTERNAL, "signals cannot be blocked");
	pg->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pg->signal_fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	pg->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (pg->epoll_fd < 0 || pg->signal_fd < 0 || pg->timer_fd < 0)
		return reason_set(REASON_INTERNAL, "descriptors: %s", strerror(errno));
	if (watch(pg, pg->signal_fd, &pg->signal_fd) != REASON_OK ||
	    watch(pg, pg->timer_fd, &pg->timer_fd) != REASON_OK)
		return REASON_INTERNAL;
	return REASON_OK;
}

static enum reason open_sockets(struct program *pg)
{
	struct broker *b = &pg->b;
	const char *ca = pg->opt.ca_out != NULL ? pg->opt.ca_out : "broker-ca.pem";
	struct ws_calls calls = { on_awake, feed_opened, feed_text, feed_closed, on_epoll, b };
	enum reason why = tls_make(&b->set, ca, &pg->tls);

	if (why == REASON_OK)
		why = trace_open(pg->opt.log, &b->trace);
	if (why == REASON_OK)
		why = feed_open(b, &b->feed);
	if (why == REASON_OK)
		why = http_open(pg->tls, pg->epoll_fd, pg->opt.rest_port, rest_handle, rest_date, b,
				&b->http);
	if (why == REASON_OK)
		why = ws_open(b->clk, pg->opt.ws_port, pg->epoll_fd, &calls, &b->ws);
	if (why == REASON_OK && pg->opt.control != NULL)
		why = control_open(b, pg->epoll_fd, pg->opt.control, &b->control);
	return why;
}

static void print_ready(struct program *pg)
{
	struct broker *b = &pg->b;
	struct buf line = BUF_INIT;
	struct json_out j = JSON_OUT_INIT(&line);

	json_open(&j, NULL, '{');
	json_fmt(&j, "rest", "https://127.0.0.1:%u", (unsigned)http_port(b->http));
	json_fmt(&j, "ws", "ws://127.0.0.1:%u", (unsigned)ws_port(b->ws));
	json_text(&j, "ca", pg->opt.ca_out != NULL ? pg->opt.ca_out : "broker-ca.pem");
	json_text(&j, "control", pg->opt.control != NULL ? pg->opt.control : "");
	json_open(&j, "accounts", '[');
	for (size_t i = 0; i < b->login_count; i++) {
		json_open(&j, NULL, '{');
		json_text(&j, "account", exch_account_at(b->ex, b->logins[i].account)->number);
		json_text(&j, "appkey", b->logins[i].appkey);
		json_text(&j, "appsecret", b->logins[i].appsecret);
		json_text(&j, "htsid", b->logins[i].htsid);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	printf("%s\n", buf_text(&line));
	fflush(stdout);
	buf_clear(&line);
}

static void close_all(struct program *pg)
{
	struct broker *b = &pg->b;

	control_close(b->control);
	http_close(b->http);
	ws_close(b->ws);
	feed_close(b->feed);
	b->feed = NULL;
	trace_close(b->trace);
	exch_free(b->ex);
	free(b->logins);
	faults_clear(&b->faults);
	calendar_clear(&b->calendar);
	if (b->seat != NULL)
		clock_leave(b->seat);
	if (b->clk != NULL)
		clock_close(b->clk);
	if (pg->clock_is_ours)
		unlink(pg->clock_path);
	SSL_CTX_free(pg->tls);
	if (pg->timer_fd >= 0)
		close(pg->timer_fd);
	if (pg->signal_fd >= 0)
		close(pg->signal_fd);
	if (pg->epoll_fd >= 0)
		close(pg->epoll_fd);
}

int main(int argc, char **argv)
{
	static struct program pg = { .opt.speed = 1, .epoll_fd = -1, .signal_fd = -1, .timer_fd = -1 };
	enum reason why;

	argp_err_exit_status = 64;
	if (argp_parse(&argp_table, argc, argv, ARGP_NO_HELP, NULL, &pg.opt) != 0)
		return 64;
	why = open_settings(&pg);
	if (why == REASON_OK)
		why = open_market_option(&pg);
	if (why == REASON_OK)
		why = load_faults(&pg);
	if (why == REASON_OK)
		why = open_descriptors(&pg);
	if (why == REASON_OK)
		why = open_clock(&pg);
	if (why == REASON_OK)
		why = open_exchange(&pg);
	if (why == REASON_OK)
		why = open_sockets(&pg);
	if (why == REASON_OK) {
		print_ready(&pg);
		run(&pg);
		if (pg.opt.state != NULL)
			why = exch_state_save(pg.b.ex, pg.opt.state);
	}
	if (why != REASON_OK)
		fprintf(stderr, "broker: %s (%s)\n", reason_detail(), reason_code(why));
	close_all(&pg);
	return reason_exit(why);
}
