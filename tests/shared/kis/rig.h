/*
 * rig - a struct kis in front of the scripted server: rehearsal overlay, real clock, short gaps.
 *
 * Owner   rig_open/rig_close.
 * Errors  anything that cannot be set up fails the test.
 */
#ifndef GJ_TEST_KIS_RIG_H
#define GJ_TEST_KIS_RIG_H

#include <signal.h>
#include <sys/stat.h>

#include "tests/shared/kis/tls_server.h"

#include "shared/base/file.h"
#include "shared/kis/kis.h"

#define TOLD_MAX 64

struct rig {
	char folder[64];
	struct tls_server *server;
	struct conf cfg;
	struct kis_keys keys;
	struct kis_login login;
	struct clock *clock;
	struct clock_seat *seat;
	struct kis *kis;
	int told_count;
	struct {
		char call[32], msg_cd[16];
		long http;
	} told[TOLD_MAX];
};

static inline void rig_told(void *arg, const char *call, const char *msg_cd, long http, int64_t took_us)
{
	struct rig *rig = arg;

	assert_true(took_us >= 0);
	if (rig->told_count == TOLD_MAX)
		return;
	snprintf(rig->told[rig->told_count].call, sizeof(rig->told[0].call), "%s", call);
	snprintf(rig->told[rig->told_count].msg_cd, sizeof(rig->told[0].msg_cd), "%s", msg_cd);
	rig->told[rig->told_count++].http = http;
}

static inline struct wall rig_until(const struct rig *rig, int64_t ms)
{
	return wall_add_us(clock_wall(rig->clock), ms * 1000);
}

/* `more` goes into the [broker] section. */
static inline enum reason rig_conf(struct rig *rig, const char *more, const char *rest)
{
	char path[128], text[2048];

	snprintf(path, sizeof(path), "%s/gaejang.conf", rig->folder);
	snprintf(text, sizeof(text),
		 "[gaejang]\nalerts = none\n[paths]\nstate_dir = %s\nkey_dir = /k\nbin_dir = "
		 "/b\ncalendar_dir = /c\n"
		 "sql_dir = /q\ndb_socket = /d/sock\n[broker]\npace_quote_ms = 1\npace_ledger_ms = 1\n"
		 "pace_balance_ms = 1\npace_order_ms = 1\npace_token_ms = 1\npace_paper_ms = "
		 "1\nread_backoff_ms = 1\n"
		 "%s[rehearsal]\non = yes\nrest = %s\nws = ws://127.0.0.1:1\nca_file = %s/ca.pem\n"
		 "[account one]\nenv = real\nvault = /v/one\nstrategy = breakout\n",
		 rig->folder, more, rest, rig->folder);
	assert_int_equal(file_replace(path, text, strlen(text), 0644), REASON_OK);
	conf_clear(&rig->cfg);
	return conf_load(&rig->cfg, path);
}

static inline enum reason rig_kis(struct rig *rig, enum kis_env env)
{
	struct kis_setup setup = {
		.cfg = &rig->cfg,
		.env = env,
		.keys = &rig->keys,
		.login = &rig->login,
		.clock = rig->clock,
		.seat = rig->seat,
		.told = rig_told,
		.told_arg = rig,
	};

	kis_close(rig->kis);
	rig->kis = NULL;
	return kis_open(&setup, &rig->kis);
}

static inline struct rig *rig_open_with(enum kis_env env, const char *more)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	char rest[64];

	assert_non_null(rig);
	signal(SIGPIPE, SIG_IGN);
	snprintf(rig->folder, sizeof(rig->folder), "/tmp/gj-kis-test-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	rig->server = tls_server_start(rig->folder);
	snprintf(rest, sizeof(rest), "https://127.0.0.1:%u", rig->server->port);
	if (rig_conf(rig, more, rest) != REASON_OK)
		fail_msg("%s", reason_detail());
	snprintf(rig->keys.appkey, sizeof(rig->keys.appkey), "PSTESTAPPKEY000000000000000000000000");
	snprintf(rig->keys.appsecret, sizeof(rig->keys.appsecret),
		 "testsecret/0123456789+abcdefghijklmnopqrstuvwxyz=");
	snprintf(rig->keys.cano, sizeof(rig->keys.cano), "50012345");
	snprintf(rig->keys.product, sizeof(rig->keys.product), "01");
	snprintf(rig->keys.hts_id, sizeof(rig->keys.hts_id), "testhts");
	snprintf(rig->login.token, sizeof(rig->login.token), "test.token.value");
	assert_int_equal(clock_open_real(&rig->clock), REASON_OK);
	assert_int_equal(clock_join(rig->clock, "test", &rig->seat), REASON_OK);
	if (rig_kis(rig, env) != REASON_OK)
		fail_msg("%s", reason_detail());
	return rig;
}

static inline struct rig *rig_open(enum kis_env env)
{
	return rig_open_with(env, "");
}

static inline void rig_close(struct rig *rig)
{
	char command[128];

	kis_close(rig->kis);
	tls_server_stop(rig->server);
	clock_leave(rig->seat);
	clock_close(rig->clock);
	conf_clear(&rig->cfg);
	snprintf(command, sizeof(command), "rm -rf %s", rig->folder);
	assert_int_equal(system(command), 0);
	free(rig);
}

#define HEAD_200   "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
#define HEAD_500   "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json; charset=utf-8\r\n"
#define HEAD_403   "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json; charset=utf-8\r\n"
#define PAGE(cont) HEAD_200 "tr_cont: " cont "\r\n"

#define EGW00201                                                                                             \
	"{\"rt_cd\":\"1\",\"msg1\":\"초당 거래건수를 "                                                \
	"초과하였습니다.\",\"msg_cd\":\"EGW00201\",\"message\":\"EGW00201\"}"
#define EGW00215                                                                                                    \
	"{\"rt_cd\":\"1\",\"msg_cd\":\"EGW00215\",\"msg1\":\"원장에서 허용 가능한 초당 거래건수를 " \
	"초과하였습니다.\"}"
#define EGW00123 "{\"rt_cd\":\"1\",\"msg1\":\"기간이 만료된 token 입니다.\",\"msg_cd\":\"EGW00123\"}"

#endif
