/*
 * gaejang rehearse - a whole trading day with the real programs: private database, broker simulator, virtual clock.
 *
 * The order of the day is day_walk(). Everything the rehearsal makes lies in one folder; nothing outside it is touched.
 * The driver drives the clock by waiting like everybody else; it is the reaper of every process it causes, because an
 * unreaped one would hold the clock.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops/day_view.h"
#include "ops/rehearsal.h"
#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/spawn.h"
#include "shared/base/won.h"
#include "shared/base/banned.h"

#define SOCKET_PATH_MAX   107 /* sun_path without its NUL */
#define READY_SIZE_MAX    65536
#define READY_WAIT_MS     20000
#define SYMBOLS_MAX       20
#define DEFAULT_CASH      "100000000"
#define PROGRESS_EVERY_US (30 * 60 * US_PER_S)

/* gaejang itself, as a person would call it. */
static enum reason self(struct rehearsal *r, const char *input, const char *a, const char *b, const char *c,
			const char *const *more)
{
	const char *argv[OPS_WORDS_MAX + 8] = { r->gaejang, a };
	int n = 2, status = 0;
	enum reason why;

	if (b != NULL)
		argv[n++] = b;
	if (c != NULL)
		argv[n++] = c;
	argv[n++] = "--config";
	argv[n++] = r->conf_path;
	for (; more != NULL && *more != NULL; more++)
		argv[n++] = *more;
	argv[n] = NULL;
	why = rehearsal_run(r, input, argv, &status);
	if (why == REASON_OK && status != 0)
		why = reason_set(REASON_REHEARSAL_FAILED,
				 "gaejang %s %s ended with %d; the line above says why", a,
				 b != NULL ? b : "", status);
	return why;
}

static void step(const char *text)
{
	printf("%-12s", text);
	(void)fflush(stdout);
}

/* ---- set-up ------------------------------------------------------------------------------------------------------ */
static enum reason make_folders(struct rehearsal *r)
{
	static const char *const names[] = { "state", "keys", "vault", "log", "db" };
	char path[FILE_PATH_SIZE];
	enum reason why = REASON_OK;

	for (size_t i = 0; i < ARRAY_COUNT(names) && why == REASON_OK; i++) {
		why = file_join(r->dir, names[i], path);
		if (why == REASON_OK)
			why = file_make_folders(path, 0750);
	}
	return why;
}

/* The folder of an earlier rehearsal goes; it is ours by its marker file, anything else is refused. */
static enum reason clear_folder(struct rehearsal *r)
{
	const char *argv[] = { "/bin/rm", "-rf", "--", r->dir, NULL };
	char marker[FILE_PATH_SIZE];
	int status = 0;
	enum reason why = file_join(r->dir, REHEARSAL_MARKER, marker);

	if (why != REASON_OK)
		return why;
	if (access(r->dir, F_OK) == 0) {
		if (access(marker, F_OK) != 0)
			return reason_set(
				REASON_BAD_USAGE,
				"%s is there and was not made by a rehearsal; name another folder with --dir",
				r->dir);
		why = rehearsal_stop_left(r);
		if (why == REASON_OK)
			why = rehearsal_run(r, NULL, argv, &status);
		if (why == REASON_OK && status != 0)
			why = reason_set(REASON_FILE_RIGHTS, "%s cannot be removed; remove it as its owner",
					 r->dir);
	}
	if (why == REASON_OK)
		why = file_make_folders(r->dir, 0750);
	if (why == REASON_OK)
		why = file_replace(marker,
				   "made by gaejang rehearse; may be removed when nothing of it runs\n", 65,
				   0644);
	return why;
}

static enum reason start_db(struct rehearsal *r)
{
	char tool[FILE_PATH_SIZE], folder[FILE_PATH_SIZE];
	const char *argv[] = { tool, "start", folder, NULL };
	int status = 0;
	enum reason why = file_join(r->top, "ops/db", tool);

	if (why == REASON_OK)
		why = file_join(r->dir, "db", folder);
	if (why == REASON_OK)
		why = rehearsal_run(r, NULL, argv, &status);
	if (why == REASON_OK && status != 0)
		why = reason_set(REASON_DB_AWAY, "ops/db start %s ended with %d", folder, status);
	return why;
}

static enum reason db_socket(struct rehearsal *r, char out[static FILE_PATH_SIZE])
{
	char command[3 * REHEARSAL_FOLDER_SIZE];
	FILE *from;
	size_t len;

	(void)snprintf(command, sizeof(command), "'%s/ops/db' socket '%s/db'", r->top, r->dir);
	from = popen(command, "re");
	if (from == NULL || fgets(out, FILE_PATH_SIZE, from) == NULL) {
		if (from != NULL)
			(void)pclose(from);
		return reason_set(REASON_DB_AWAY, "ops/db does not tell its socket");
	}
	(void)pclose(from);
	len = strlen(out);
	if (len > 0 && out[len - 1] == '\n')
		out[len - 1] = '\0';
	return REASON_OK;
}

/* Keys of a made-up account in the form the simulator reads; the same keys go into the vault. */
static enum reason write_accounts(struct rehearsal *r, const char *cash)
{
	char text[2048], path[FILE_PATH_SIZE], appkey[37], appsecret[181];
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	enum reason why = file_join(r->dir, "accounts.json", path);
	int len;

	if (why != REASON_OK)
		return why;
	for (size_t i = 0; i < sizeof(appkey) - 1; i++)
		appkey[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	for (size_t i = 0; i < sizeof(appsecret) - 1; i++)
		appsecret[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	appkey[sizeof(appkey) - 1] = '\0';
	appsecret[sizeof(appsecret) - 1] = '\0';
	len = snprintf(text, sizeof(text),
		       "[{\"account\":\"50123456-01\",\"appkey\":\"%s\",\"appsecret\":\"%s\",\"htsid\":"
		       "\"rehearse\",\"name\":\"rehearsal\",\"cash\":%s,"
		       "\"commission_ppm\":142}]\n",
		       appkey, appsecret, cash);
	if (len < 0 || (size_t)len >= sizeof(text))
		return reason_set(REASON_INTERNAL, "accounts file too long");
	why = file_replace(path, text, (size_t)len, 0600);
	memcpy(r->appkey, appkey, sizeof(appkey));
	memcpy(r->appsecret, appsecret, sizeof(appsecret));
	return why;
}

static enum reason write_conf(struct rehearsal *r, const char *socket)
{
	char text[8192];
	int len =
		snprintf(text, sizeof(text),
			 "# written by gaejang rehearse; every key is explained by: gaejang settings\n"
			 "[gaejang]\nalerts = file\nalert_target = %s/log/alerts.log\n\n"
			 "[paths]\nstate_dir = %s/state\nkey_dir = %s/keys\nbin_dir = %s\ncalendar_dir = "
			 "%s/ops/data\nsql_dir = %s/sql\n"
			 "log_file = %s/log/gaejang.log\ndb_socket = %s\n\n"
			 "[limits]\n# a rehearsal is always a first run; with the brake half of every "
			 "limit would hold\nfirst_run_brake = no\n\n"
			 "[worker]\n# the virtual day is a thousand times faster than the disk it is written "
			 "to\njournal_flush_ms = 10000\n\n"
			 "[rehearsal]\non = yes\nrest = %s\nws = %s\nca_file = "
			 "%s/broker-ca.pem\nclock_file = %s/clock\n\n"
			 "[account demo]\nenv = %s\nvault = %s/vault/demo.vault\nstrategy = breakout\n",
			 r->dir, r->dir, r->dir, r->bin, r->top, r->top, r->dir, socket, r->rest, r->ws,
			 r->dir, r->dir, r->env, r->dir);

	if (len < 0 || (size_t)len >= sizeof(text))
		return reason_set(REASON_PATH_LONG,
				  "the folder's path is too long for a configuration; use a shorter one");
	return file_replace(r->conf_path, text, (size_t)len, 0640);
}

/* Reads the simulator's one ready line; real time, because nothing virtual moves yet. */
static enum reason read_ready(struct rehearsal *r, int fd)
{
	static char line[READY_SIZE_MAX];
	size_t got = 0;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN, .revents = 0 };
	cJSON *root = NULL;
	const cJSON *rest, *ws;
	enum reason why = REASON_OK;

	while (memchr(line, '\n', got) == NULL) {
		ssize_t n;

		if (got == sizeof(line) - 1 || poll(&poll_fd, 1, READY_WAIT_MS) != 1 ||
		    (n = read(fd, line + got, sizeof(line) - 1 - got)) <= 0)
			return reason_set(REASON_REHEARSAL_FAILED,
					  "the simulator did not become ready; its log is %s/broker.log",
					  r->dir);
		got += (size_t)n;
	}
	line[got] = '\0';
	root = cJSON_Parse(line);
	rest = cJSON_GetObjectItem(root, "rest");
	ws = cJSON_GetObjectItem(root, "ws");
	if (!cJSON_IsString(rest) || !cJSON_IsString(ws))
		why = reason_set(REASON_REHEARSAL_FAILED, "the simulator's ready line is not understood");
	if (why == REASON_OK) {
		(void)snprintf(r->rest, sizeof(r->rest), "%s", rest->valuestring);
		(void)snprintf(r->ws, sizeof(r->ws), "%s", ws->valuestring);
	}
	cJSON_Delete(root);
	return why;
}

/* GAEJANG_BROKER_SET="a=b c=d": settings of the simulator, for those who rehearse its uncertain points. Adds them to
 * the words of its command line; `room` keeps their text. */
static enum reason broker_settings(const char *argv[], size_t argv_max, char *room, size_t room_size)
{
	const char *wanted = getenv("GAEJANG_BROKER_SET");
	size_t count = 0;

	if (wanted == NULL)
		return REASON_OK;
	if (strlen(wanted) >= room_size)
		return reason_set(REASON_BAD_USAGE, "GAEJANG_BROKER_SET is longer than %zu bytes",
				  room_size - 1);
	while (argv[count] != NULL)
		count++;
	(void)snprintf(room, room_size, "%s", wanted);
	for (char *word = room + strspn(room, " "); *word != '\0'; word += strspn(word, " ")) {
		char *end = word + strcspn(word, " ");
		bool last = *end == '\0';

		*end = '\0';
		if (count + 3 > argv_max)
			return reason_set(REASON_BAD_USAGE, "GAEJANG_BROKER_SET holds too many settings");
		argv[count++] = "--set";
		argv[count++] = word;
		argv[count] = NULL;
		word = last ? end : end + 1;
	}
	return REASON_OK;
}

static enum reason start_broker(struct rehearsal *r, const char *day)
{
	char bin[FILE_PATH_SIZE], clock_file[FILE_PATH_SIZE], accounts[FILE_PATH_SIZE],
		control[FILE_PATH_SIZE], data[FILE_PATH_SIZE], calendar[FILE_PATH_SIZE], ca[FILE_PATH_SIZE],
		log[FILE_PATH_SIZE], errors[FILE_PATH_SIZE];
	char settings[1024];
	const char *argv[64] = { "broker",     "--env",     r->env,
				 "--day",      day,         "--rest-port",
				 "0",          "--ws-port", "0",
				 "--clock",    "virtual",   "--clock-file",
				 clock_file,   "--market",  "seed:20210104",
				 "--accounts", accounts,    "--control",
				 control,      "--data",    data,
				 "--calendar", calendar,    "--ca-out",
				 ca,           "--log",     log,
				 NULL };
	struct spawn order = SPAWN_INIT;
	int ready[2];
	enum reason why = file_join(r->bin, "broker", bin);

	if (why == REASON_OK)
		why = broker_settings(argv, ARRAY_COUNT(argv), settings, sizeof(settings));
	(void)snprintf(clock_file, sizeof(clock_file), "%s/clock", r->dir);
	(void)snprintf(accounts, sizeof(accounts), "%s/accounts.json", r->dir);
	(void)snprintf(control, sizeof(control), "%s/control.sock", r->dir);
	(void)snprintf(data, sizeof(data), "%s/tests/data", r->top);
	(void)snprintf(calendar, sizeof(calendar), "%s/ops/data", r->top);
	(void)snprintf(ca, sizeof(ca), "%s/broker-ca.pem", r->dir);
	(void)snprintf(log, sizeof(log), "%s/broker.log", r->dir);
	(void)snprintf(errors, sizeof(errors), "%s/broker.err", r->dir);
	if (why != REASON_OK)
		return why;
	if (pipe2(ready, O_CLOEXEC) != 0)
		return reason_set(REASON_FILE_IO, "pipe: %s", strerror(errno));
	order.path = bin;
	order.argv = argv;
	order.stdout_fd = ready[1];
	/* --stay leaves it behind: with our standard error it would keep a pipe of the caller's open. */
	order.stderr_fd = open(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	order.session = true;
	why = spawn_start(r->clock, &order, &r->broker);
	if (why != REASON_OK) {
		(void)close(ready[0]);
		(void)close(ready[1]);
		return why;
	}
	r->broker_started = true;
	(void)close(ready[1]);
	if (order.stderr_fd >= 0)
		(void)close(order.stderr_fd);
	why = read_ready(r, ready[0]);
	(void)close(ready[0]);
	if (why == REASON_OK)
		why = rehearsal_note_pid(r, "broker", r->broker);
	return why;
}

/* The symbols of the day's market figures, first column of the file. */
static enum reason read_symbols(struct rehearsal *r, const char *day_digits, const char **out,
				char (*room)[SYMBOL_SIZE], int *out_count)
{
	char path[FILE_PATH_SIZE];
	uint8_t *text = NULL;
	size_t text_size = 0;
	enum reason why;

	(void)snprintf(path, sizeof(path), "%s/tests/data/krx_%s.csv", r->top, day_digits);
	why = file_read(path, 1024 * 1024, &text, &text_size);
	*out_count = 0;
	for (const char *line = (const char *)text; why == REASON_OK && line != NULL && *line != '\0';) {
		const char *end = strchr(line, '\n'), *comma = strchr(line, ',');
		char symbol[SYMBOL_SIZE] = "";

		if (comma != NULL && (size_t)(comma - line) < sizeof(symbol))
			memcpy(symbol, line, (size_t)(comma - line));
		if (line[0] != '#' && symbol_valid(symbol) && *out_count < SYMBOLS_MAX) {
			memcpy(room[*out_count], symbol, sizeof(symbol));
			out[*out_count] = room[*out_count];
			(*out_count)++;
		}
		line = end != NULL ? end + 1 : NULL;
	}
	file_free(text, text_size);
	if (why == REASON_OK && *out_count == 0)
		why = reason_set(REASON_REHEARSAL_FAILED, "%s holds no symbols", path);
	return why;
}

static enum reason set_up_product(struct rehearsal *r, const char *day_digits, const char *cash)
{
	static char room[SYMBOLS_MAX][SYMBOL_SIZE];
	const char *symbols[SYMBOLS_MAX + 1] = { NULL };
	const char *const logins[] = { "--logins", NULL };
	const char *const opening[] = { "--cash",    cash,       "--by",
					"rehearsal", "--reason", "new account of the rehearsal",
					NULL };
	const char *const active[] = { "--by", "rehearsal", "--reason", "rehearsal", NULL };
	const char *words[SYMBOLS_MAX + 4] = { NULL };
	char params[FILE_PATH_SIZE];
	int count = 0;
	enum reason why = self(r, NULL, "vault", "init", NULL, NULL);

	(void)snprintf(params, sizeof(params), "%s/ops/examples/breakout.params", r->top);
	if (why == REASON_OK)
		why = self(r, r->appkey, "vault", "put", "appkey", NULL);
	if (why == REASON_OK)
		why = self(r, r->appsecret, "vault", "put", "appsecret", NULL);
	if (why == REASON_OK)
		why = self(r, "50123456", "vault", "put", "cano", NULL);
	if (why == REASON_OK)
		why = self(r, "01", "vault", "put", "product", NULL);
	if (why == REASON_OK)
		why = self(r, "rehearse", "vault", "put", "htsid", NULL);
	if (why == REASON_OK)
		why = self(r, NULL, "migrate", NULL, NULL, logins);
	if (why == REASON_OK)
		why = self(r, NULL, "account", "add", "demo", NULL);
	if (why == REASON_OK)
		why = self(r, NULL, "account", "sign-opening", NULL, opening);
	if (why == REASON_OK)
		why = self(r, NULL, "params", "import", params, NULL);
	if (why == REASON_OK)
		why = self(r, NULL, "params", "activate", "1", active);
	if (why == REASON_OK)
		why = read_symbols(r, day_digits, symbols, room, &count);
	memcpy(words, symbols, sizeof(symbols));
	if (why == REASON_OK)
		why = self(r, NULL, "universe", "add", NULL, words);
	return why;
}

/* ---- the day ------------------------------------------------------------------------------------------------------- */
static void print_time(const struct rehearsal *r)
{
	char text[KST_TEXT_SIZE];

	printf("%.8s    ", kst_wall_text(clock_wall(r->clock), text) + 11);
	(void)fflush(stdout);
}

/* One cron line: at its start, then every repeat_min until its deadline, until it passes. */
static enum reason scheduled(struct rehearsal *r, const struct conf *cfg, const struct calendar_day *day,
			     enum phase_id id, int *out_exit)
{
	struct phase_window window = phase_window(id, cfg, day);
	char bin[FILE_PATH_SIZE];
	const char *argv[] = { bin, "--config", r->conf_path, "--scheduled", NULL };
	enum reason why;

	(void)snprintf(bin, sizeof(bin), "%s/%s", r->bin, phase_name(id));
	*out_exit = -1;
	for (struct wall at = window.start; at.us < window.deadline.us && *out_exit != 0;
	     at = wall_add_us(at, conf_number(cfg, CONF_REPEAT_MIN) * 60 * US_PER_S)) {
		why = REASON_OK;
		while (why == REASON_OK && clock_wall(r->clock).us < at.us)
			why = rehearsal_wait(r, at);
		if (why != REASON_OK)
			return why;
		print_time(r);
		why = rehearsal_run(r, NULL, argv, out_exit);
		if (why != REASON_OK)
			return why;
	}
	return REASON_OK;
}

static enum reason progress(struct rehearsal *r, struct house *house)
{
	struct day_view *view = NULL;
	char won[WON_TEXT_SIZE], at[KST_TEXT_SIZE];
	enum reason why = db_open_now(house->db) ? REASON_OK : db_reopen(house->db);
	int held = 0;

	if (why == REASON_OK)
		why = day_view_load(house, &view);
	/* A day goes on without its database; so does the look at it. */
	if (why == REASON_DB_AWAY) {
		printf("%.8s    the database does not answer\n",
		       kst_wall_text(clock_wall(r->clock), at) + 11);
		(void)fflush(stdout);
		return REASON_OK;
	}
	if (why != REASON_OK)
		return why;
	for (int i = 0; i < view->book.count; i++)
		held += view->book.rows[i].lot.qty != 0;
	printf("%.8s    worker %s, mode %s: %d orders sent, %d with fills, %d open, %d in doubt, %d refused; "
	       "%d positions, realised %s won\n",
	       kst_wall_text(clock_wall(r->clock), at) + 11, view->worker, mode_text(view->lease.mode),
	       view->counts.sent, view->counts.filled, view->counts.open, view->counts.in_doubt,
	       view->counts.refused, held, won_text(view->realised_won, won));
	(void)fflush(stdout);
	day_view_free(view);
	return REASON_OK;
}

static enum reason session(struct rehearsal *r, struct house *house, struct wall until)
{
	struct wall next = { (clock_wall(r->clock).us / PROGRESS_EVERY_US + 1) * PROGRESS_EVERY_US };
	enum reason why = REASON_OK;

	while (why == REASON_OK && clock_wall(r->clock).us < until.us) {
		struct wall wake = next.us < until.us ? next : until;

		why = rehearsal_wait(r, wake);
		if (why == REASON_OK && clock_wall(r->clock).us >= next.us) {
			why = progress(r, house);
			next = wall_add_us(next, PROGRESS_EVERY_US);
		}
	}
	return why;
}

/* Where --stay --until HH:MM (schedule time, shifted by a late open) lets the clock stand; CLOCK_NEVER without it. */
static enum reason until_of(const struct ops_args *args, const struct calendar_day *day, struct wall *out)
{
	int32_t second;

	*out = CLOCK_NEVER;
	if (args->until == NULL)
		return REASON_OK;
	BUG_IF(!kst_time_parse(args->until, &second), "check_words looked at it");
	*out = kst_wall(day->day, second + day->shift_s);
	return REASON_OK;
}

static enum reason morning(struct rehearsal *r, struct house *house, const struct calendar_day *day,
			   struct wall stop_at, bool *out_stopped)
{
	int status = 0;
	enum reason why = REASON_OK;

	for (int id = 0; id <= PHASE_GATE && why == REASON_OK; id++) {
		if (phase_window((enum phase_id)id, &house->cfg, day).start.us > stop_at.us) {
			*out_stopped = true;
			while (why == REASON_OK && clock_wall(r->clock).us < stop_at.us)
				why = rehearsal_wait(r, stop_at);
			return why;
		}
		why = scheduled(r, &house->cfg, day, (enum phase_id)id, &status);
		if (why == REASON_OK && status != 0)
			r->bad_phases++;
	}
	return why;
}

static enum reason day_walk(struct rehearsal *r, struct house *house, const struct ops_args *args)
{
	struct calendar_day day;
	struct wall stop_at = CLOCK_NEVER;
	bool stopped = false;
	int status = 0;
	enum reason why = calendar_at(&house->cal, house->day, &day);

	if (why == REASON_OK)
		why = until_of(args, &day, &stop_at);
	if (why == REASON_OK)
		why = morning(r, house, &day, stop_at, &stopped);
	if (why != REASON_OK || stopped)
		return why;
	why = session(r, house,
		      stop_at.us < phase_window(PHASE_CLOSE, &house->cfg, &day).start.us
			      ? stop_at
			      : phase_window(PHASE_CLOSE, &house->cfg, &day).start);
	if (why == REASON_OK && stop_at.us == INT64_MAX)
		why = scheduled(r, &house->cfg, &day, PHASE_CLOSE, &status);
	if (why == REASON_OK && status != 0)
		r->bad_phases++;
	r->day_done = stop_at.us == INT64_MAX;
	return why;
}

static void print_queries(const struct rehearsal *r)
{
	static const char *const queries[] = {
		"SELECT phase, status, mode, reason, took_ms FROM v_today",
		"SELECT symbol, side, COUNT(*) AS orders, SUM(filled_qty) AS shares, SUM(filled_won) AS won "
		"FROM v_orders GROUP BY symbol, side",
		"SELECT verdict, COUNT(*) AS decisions FROM decision GROUP BY verdict ORDER BY decisions "
		"DESC",
	};

	puts("\nWhat to ask next:");
	for (size_t i = 0; i < ARRAY_COUNT(queries); i++)
		printf("  GAEJANG_CONF=%s %s sql \"%s\"\n", r->conf_path, r->gaejang, queries[i]);
}

static enum reason show_day(struct rehearsal *r, bool *out_same)
{
	enum reason why;

	putchar('\n');
	why = self(r, NULL, "status", NULL, NULL, NULL);
	*out_same = true;
	if (why == REASON_OK && r->day_done)
		why = rehearsal_compare(r, out_same);
	if (why == REASON_OK)
		print_queries(r);
	return why;
}

/* ---- the command --------------------------------------------------------------------------------------------------- */
/* The programs lie beside us; scripts and data in the first folder above that holds ops/db. */
static enum reason find_top(struct rehearsal *r)
{
	char path[FILE_PATH_SIZE];
	ssize_t len = readlink("/proc/self/exe", r->gaejang, sizeof(r->gaejang) - 1);
	char *slash;

	if (len <= 0)
		return reason_set(REASON_INTERNAL, "/proc/self/exe cannot be read: %s; is /proc mounted?",
				  strerror(errno));
	r->gaejang[len] = '\0';
	if ((size_t)len >= sizeof(r->top))
		return reason_set(REASON_PATH_LONG,
				  "the path of this folder is over %d bytes; work in a shorter one",
				  REHEARSAL_FOLDER_SIZE - 16);
	memcpy(r->top, r->gaejang, (size_t)len + 1);
	slash = strrchr(r->top, '/');
	*slash = '\0';
	memcpy(r->bin, r->top, sizeof(r->bin));
	while ((slash = strrchr(r->top, '/')) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/ops/db", r->top);
		if (access(path, X_OK) == 0)
			return REASON_OK;
		*slash = '\0';
	}
	return reason_set(REASON_FILE_MISSING,
			  "no folder above %s holds ops/db; a rehearsal runs from a checkout", r->bin);
}

static enum reason open_driver(struct rehearsal *r, const struct ops_args *args)
{
	sigset_t set;
	enum reason why = find_top(r);

	if (why != REASON_OK)
		return why;
	if (args->dir != NULL && strlen(r->top) + strlen(args->dir) + 2 > sizeof(r->dir))
		return reason_set(REASON_PATH_LONG, "--dir is too long; use a shorter one");
	if (args->dir != NULL && args->dir[0] == '/')
		(void)snprintf(r->dir, sizeof(r->dir), "%s", args->dir);
	else if (snprintf(r->dir, sizeof(r->dir), "%s/%s", r->top,
			  args->dir != NULL ? args->dir : "var/rehearsal") >= (int)sizeof(r->dir))
		return reason_set(REASON_PATH_LONG,
				  "the path of this folder is too long; work in a shorter one");
	if (strlen(r->dir) + strlen("/control.sock") > SOCKET_PATH_MAX)
		return reason_set(REASON_PATH_LONG,
				  "the rehearsal's folder has %zu bytes and its sockets' paths at most %d; "
				  "name a shorter one with --dir",
				  strlen(r->dir), SOCKET_PATH_MAX);
	(void)snprintf(r->conf_path, sizeof(r->conf_path), "%s/gaejang.conf", r->dir);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
	    (r->child_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return reason_set(REASON_INTERNAL, "signalfd: %s", strerror(errno));
	return REASON_OK;
}

static enum reason set_up(struct rehearsal *r, const struct ops_args *args, struct kst_day day)
{
	char clock_file[FILE_PATH_SIZE], socket[FILE_PATH_SIZE], text[KST_TEXT_SIZE], digits[KST_TEXT_SIZE];
	const char *cash = args->cash != NULL ? args->cash : DEFAULT_CASH;
	struct wall start = kst_wall(day, 7 * 3600 + 30 * 60);
	enum reason why;

	why = clear_folder(r);
	if (why == REASON_OK)
		why = make_folders(r);
	step("database");
	if (why == REASON_OK)
		why = start_db(r);
	if (why == REASON_OK)
		why = db_socket(r, socket);
	(void)snprintf(clock_file, sizeof(clock_file), "%s/clock", r->dir);
	if (why == REASON_OK)
		why = clock_create(clock_file, start);
	if (why == REASON_OK)
		why = clock_open_virtual(clock_file, &r->clock);
	if (why == REASON_OK)
		why = clock_join(r->clock, "rehearse", &r->seat);
	if (why == REASON_OK)
		why = clock_set_pace(r->clock, CLOCK_EVENT, 0);
	if (why == REASON_OK)
		why = write_accounts(r, cash);
	if (why == REASON_OK)
		why = start_broker(r, kst_day_text(day, text));
	if (why == REASON_OK) {
		printf("simulator   %s %s\n", r->rest, r->ws);
		why = write_conf(r, socket);
	}
	if (why == REASON_OK)
		why = set_up_product(r, kst_day_digits(day, digits), cash);
	return why;
}

/* One rehearsal at a time walks in a folder: a second one would end the first one's programs. The lock lies beside the folder,
 * which is removed at the start, and goes with the process. */
static enum reason lock_folder(const struct rehearsal *r)
{
	char path[FILE_PATH_SIZE];
	int fd;

	enum reason why;

	/* The folder above it may not be there yet. */
	(void)snprintf(path, sizeof(path), "%.*s", (int)(strrchr(r->dir, '/') - r->dir), r->dir);
	why = path[0] != '\0' ? file_make_folders(path, 0750) : REASON_OK;
	if (why != REASON_OK)
		return why;
	(void)snprintf(path, sizeof(path), "%s.lock", r->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return reason_set(REASON_FILE_IO, "%s cannot be opened: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return REASON_OK; /* stays open until the process ends */
	(void)close(fd);
	return reason_set(
		REASON_REHEARSAL_RUNS,
		"another rehearsal walks in %s now; wait for its end, or name another folder with --dir",
		r->dir);
}

/* What can be said before the folder of the last rehearsal is cleared. */
static enum reason check_words(const struct rehearsal *r, const struct ops_args *args,
			       struct kst_day *out_day)
{
	char path[FILE_PATH_SIZE], digits[KST_TEXT_SIZE];
	int32_t second;

	*out_day = (struct kst_day){ 20210104 };
	if (args->day != NULL && !kst_day_parse(args->day, out_day))
		return reason_set(REASON_BAD_DAY, "--day %s is not a date; write it as 2021-01-04",
				  args->day);
	if (args->until != NULL && (!args->stay || !kst_time_parse(args->until, &second)))
		return reason_set(REASON_BAD_USAGE, "--until takes a time like 08:52 and goes with --stay");
	(void)snprintf(path, sizeof(path), "%s/tests/data/krx_%s.csv", r->top,
		       kst_day_digits(*out_day, digits));
	if (access(path, R_OK) != 0)
		return reason_set(REASON_BAD_USAGE,
				  "there are no market figures of that day (%s); 2021-01-04 has them", path);
	return REASON_OK;
}

static int rehearse(struct rehearsal *r, const struct ops_args *args)
{
	struct house house = HOUSE_INIT;
	struct ops_args house_args = { .config = r->conf_path };
	struct kst_day day;
	bool same = true, up;
	enum reason why = check_words(r, args, &day);

	if (why == REASON_OK)
		why = lock_folder(r);
	if (why != REASON_OK)
		return ops_fail("rehearse", why);
	why = set_up(r, args, day);
	up = why == REASON_OK;
	if (why == REASON_OK)
		why = house_open(&house, &house_args,
				 NEED_CONF | NEED_CALENDAR | NEED_CLOCK | NEED_DB | NEED_ACCOUNT,
				 "gj_reader");
	if (why == REASON_OK) {
		house.day = day;
		putchar('\n');
		why = day_walk(r, &house, args);
	}
	house_close(&house);
	if (why == REASON_OK)
		why = show_day(r, &same);
	if (why == REASON_OK && r->bad_phases > 0)
		why = reason_set(REASON_REHEARSAL_FAILED, "%d phases did not pass; gaejang why says more",
				 r->bad_phases);
	if (why == REASON_OK && !same)
		why = reason_set(REASON_REHEARSAL_FAILED,
				 "our rows and the simulator's ledger differ; the lines above say where");
	(void)fflush(stdout); /* what was shown comes before what is wrong with it */
	if (why != REASON_OK)
		fprintf(stderr, "gaejang rehearse: %s\n", reason_detail());
	if (args->stay && up && why != REASON_INTERRUPTED) {
		(void)clock_set_pace(r->clock, CLOCK_ON_CALL, 0);
		printf("\nLeft up, the clock standing still. Try:\n  export GAEJANG_CONF=%s\n  %s status\n  "
		       "%s rerun account\n",
		       r->conf_path, r->gaejang, r->gaejang);
		if (args->dir == NULL)
			printf("%s/ops/stop ends it.\n", r->top);
		else
			printf("%s rehearse --stop --dir %s ends it.\n", r->gaejang, r->dir);
	} else {
		(void)rehearsal_stop_left(r);
	}
	return why == REASON_OK ? 0 : reason_exit(why);
}

int cmd_rehearse(int argc, char **argv)
{
	static struct rehearsal r;
	struct ops_args args;
	enum reason why;
	int status;

	ops_parse(argc, argv, "dsSuoCe", "",
		  "Walks a trading day with the real programs against the broker simulator, on a private "
		  "database and a "
		  "virtual clock. Everything lies in one folder (--dir). The day is 2021-01-04 unless --day "
		  "names another with market figures.",
		  &args);
	why = open_driver(&r, &args);
	if (why != REASON_OK)
		return ops_fail("rehearse", why);
	r.env = args.env != NULL ? args.env : "real";
	if (strcmp(r.env, "real") != 0 && strcmp(r.env, "paper") != 0) {
		(void)reason_set(REASON_BAD_USAGE, "--env %s is not real or paper", r.env);
		return ops_fail("rehearse", REASON_BAD_USAGE);
	}
	if (args.stop) {
		why = rehearsal_stop_left(&r);
		status = why == REASON_OK ? 0 : ops_fail("rehearse", why);
	} else {
		status = rehearse(&r, &args);
	}
	clock_leave(r.seat);
	clock_close(r.clock);
	return status;
}
