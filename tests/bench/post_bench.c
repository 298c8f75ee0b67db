/*
 * post_bench - one warm order POST: by the product, by bare libcurl, and as the same bytes over plain TLS.
 *
 *   post_bench FOLDER READY CA     READY holds the simulator's ready line, CA its certificate; FOLDER is for our files
 *
 * All three place a real order (one share, limit) at the same simulator, in turn, over a connection of their own that
 * stays open; every answer must carry an order number. A pause between the orders lets the processors sleep as they do
 * on a quiet day.
 */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/won.h"
#include "shared/kis/kis.h"
#include "tests/bench/figure.h"
#include "shared/base/banned.h"

#define ROUNDS      7
#define ORDERS      60
#define WARM        10
#define PAUSE_NS    1000000
#define ANSWER_SIZE 16384
#define PATH        "/uapi/domestic-stock/v1/trading/order-cash"
#define SYMBOL      "005930"
#define PRICE_WON   70000
#define AGE_MS_MAX  1000

enum way { WAY_TLS, WAY_CURL, WAY_KIS, WAY_COUNT };

struct desk {
	struct conf cfg;
	struct kis_keys keys;
	struct kis_login login;
	struct clock *clock;
	struct clock_seat *seat;
	struct kis *kis;
	CURL *easy;
	struct curl_slist *headers;
	SSL_CTX *tls_setup;
	SSL *tls;
	int fd;
	char rest[160], body[512], request[4096], answer[ANSWER_SIZE];
	size_t answer_len;
};

static void give_up(const char *what, const char *why)
{
	fprintf(stderr, "post_bench: %s: %s\n", what, why);
	exit(1);
}

static void must(enum reason why, const char *what)
{
	if (why != REASON_OK)
		give_up(what, reason_detail());
}

/* Address and keys out of the simulator's ready line. */
static void read_ready(struct desk *desk, const char *path)
{
	uint8_t *text = NULL;
	size_t text_size = 0;
	const cJSON *account;
	cJSON *root;

	must(file_read(path, 65536, &text, &text_size), "the ready line");
	root = cJSON_ParseWithLength((const char *)text, text_size);
	account = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "accounts"), 0);
	if (account == NULL)
		give_up(path, "no ready line of the simulator");
	(void)snprintf(desk->rest, sizeof(desk->rest), "%s", cJSON_GetObjectItem(root, "rest")->valuestring);
	(void)snprintf(desk->keys.appkey, sizeof(desk->keys.appkey), "%s",
		       cJSON_GetObjectItem(account, "appkey")->valuestring);
	(void)snprintf(desk->keys.appsecret, sizeof(desk->keys.appsecret), "%s",
		       cJSON_GetObjectItem(account, "appsecret")->valuestring);
	(void)snprintf(desk->keys.cano, sizeof(desk->keys.cano), "%.8s",
		       cJSON_GetObjectItem(account, "account")->valuestring);
	(void)snprintf(desk->keys.product, sizeof(desk->keys.product), "01");
	cJSON_Delete(root);
	file_free(text, text_size);
}

/* ---- the product ---- */
static void open_kis(struct desk *desk, const char *folder, const char *ca)
{
	struct kis_setup setup = {
		.cfg = &desk->cfg, .env = KIS_REAL, .keys = &desk->keys, .login = &desk->login
	};
	char path[300], text[2048];

	(void)snprintf(path, sizeof(path), "%s/post.conf", folder);
	(void)snprintf(text, sizeof(text),
		       "[gaejang]\nalerts = none\n[paths]\nstate_dir = %s\nkey_dir = /k\nbin_dir = /b\n"
		       "calendar_dir = /c\nsql_dir = /q\ndb_socket = /d/sock\n[broker]\npace_order_ms = 1\n"
		       "[rehearsal]\non = yes\nrest = %s\nws = ws://127.0.0.1:1\nca_file = %s\n"
		       "[account one]\nenv = real\nvault = /v/one\nstrategy = breakout\n",
		       folder, desk->rest, ca);
	must(file_replace(path, text, strlen(text), 0600), path);
	must(conf_load(&desk->cfg, path), path);
	must(clock_open_real(&desk->clock), "clock");
	must(clock_join(desk->clock, "bench", &desk->seat), "clock");
	setup.clock = desk->clock;
	setup.seat = desk->seat;
	must(kis_open(&setup, &desk->kis), "kis_open");
	must(kis_token(desk->kis, wall_add_us(clock_wall(desk->clock), 10 * US_PER_S), &desk->login),
	     "token");
	must(kis_warm(desk->kis), "kis_warm");
}

static void post_kis(struct desk *desk, int64_t n)
{
	struct kis_order_ticket ticket = { .intent_id = n,
					   .kind = INTENT_NEW,
					   .side = SIDE_BUY,
					   .type = TYPE_LIMIT,
					   .symbol = SYMBOL,
					   .qty = 1,
					   .price_won = PRICE_WON,
					   .excg = "KRX",
					   .marked = clock_real_mono() };
	struct kis_order_result result;

	must(kis_post_once(desk->kis, &ticket, AGE_MS_MAX, &result), "the product's order");
	(void)snprintf(desk->answer, sizeof(desk->answer), "%s", result.odno);
}

/* ---- bare libcurl ---- */
static size_t take_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct desk *desk = arg;

	if (desk->answer_len + size * count >= sizeof(desk->answer))
		return 0;
	memcpy(desk->answer + desk->answer_len, bytes, size * count);
	desk->answer_len += size * count;
	desk->answer[desk->answer_len] = '\0';
	return size * count;
}

static void add_header(struct desk *desk, const char *name, const char *value)
{
	char line[1024];

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	desk->headers = curl_slist_append(desk->headers, line);
	if (desk->headers == NULL)
		give_up("header", "no memory");
}

static void open_curl(struct desk *desk, const char *ca)
{
	char url[300], bearer[KIS_TOKEN_SIZE + 8];

	(void)snprintf(desk->body, sizeof(desk->body),
		       "{\"CANO\":\"%s\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"%s\",\"ORD_DVSN\":\"00\","
		       "\"ORD_QTY\":\"1\",\"ORD_UNPR\":\"%d\",\"EXCG_ID_DVSN_CD\":\"KRX\"}",
		       desk->keys.cano, SYMBOL, PRICE_WON);
	(void)snprintf(bearer, sizeof(bearer), "Bearer %s", desk->login.token);
	add_header(desk, "Content-Type", "application/json; charset=utf-8");
	add_header(desk, "Accept", "application/json");
	add_header(desk, "authorization", bearer);
	add_header(desk, "appkey", desk->keys.appkey);
	add_header(desk, "appsecret", desk->keys.appsecret);
	add_header(desk, "tr_id", "TTTC0012U");
	add_header(desk, "custtype", "P");
	desk->easy = curl_easy_init();
	(void)snprintf(url, sizeof(url), "%s%s", desk->rest, PATH);
	if (desk->easy == NULL || curl_easy_setopt(desk->easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(desk->easy, CURLOPT_CAINFO, ca) != CURLE_OK ||
	    curl_easy_setopt(desk->easy, CURLOPT_HTTPHEADER, desk->headers) != CURLE_OK ||
	    curl_easy_setopt(desk->easy, CURLOPT_POSTFIELDS, desk->body) != CURLE_OK ||
	    curl_easy_setopt(desk->easy, CURLOPT_WRITEFUNCTION, take_answer) != CURLE_OK ||
	    curl_easy_setopt(desk->easy, CURLOPT_WRITEDATA, desk) != CURLE_OK ||
	    curl_easy_setopt(desk->easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    curl_easy_setopt(desk->easy, CURLOPT_PROXY, "") != CURLE_OK)
		give_up("libcurl", "an option was refused");
}

static void post_curl(struct desk *desk, int64_t n)
{
	CURLcode code;

	(void)n;
	desk->answer_len = 0;
	code = curl_easy_perform(desk->easy);
	if (code != CURLE_OK)
		give_up("bare libcurl", curl_easy_strerror(code));
}

/* ---- the same bytes over TLS ---- */
static void open_tls(struct desk *desk, const char *ca)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const char *port = strrchr(desk->rest, ':');
	int64_t number;
	int one = 1;

	if (port == NULL || !num_parse(port + 1, strlen(port + 1), &number))
		give_up(desk->rest, "no port");
	to.sin_port = htons((uint16_t)number);
	desk->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (desk->fd < 0 || connect(desk->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    setsockopt(desk->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
		give_up("connect", "the simulator does not answer");
	desk->tls_setup = SSL_CTX_new(TLS_client_method());
	if (desk->tls_setup == NULL || SSL_CTX_load_verify_locations(desk->tls_setup, ca, NULL) != 1)
		give_up(ca, "cannot be used");
	SSL_CTX_set_verify(desk->tls_setup, SSL_VERIFY_PEER, NULL);
	desk->tls = SSL_new(desk->tls_setup);
	if (desk->tls == NULL || SSL_set_fd(desk->tls, desk->fd) != 1 || SSL_connect(desk->tls) != 1)
		give_up("TLS", "no handshake");
}

static void write_request(struct desk *desk)
{
	int len = snprintf(desk->request, sizeof(desk->request), "POST %s HTTP/1.1\r\nHost: %s\r\n", PATH,
			   desk->rest + sizeof("https://") - 1);

	for (const struct curl_slist *at = desk->headers; at != NULL; at = at->next)
		len += snprintf(desk->request + len, sizeof(desk->request) - (size_t)len, "%s\r\n", at->data);
	len += snprintf(desk->request + len, sizeof(desk->request) - (size_t)len,
			"Content-Length: %zu\r\n\r\n%s", strlen(desk->body), desk->body);
	if (len < 0 || (size_t)len >= sizeof(desk->request))
		give_up("request", "too long");
}

/* Whole when the head says how long the body is and that much is there. */
static bool answer_whole(const struct desk *desk)
{
	const char *head_end = strstr(desk->answer, "\r\n\r\n");
	const char *name = head_end != NULL ? strcasestr(desk->answer, "content-length:") : NULL;
	int64_t body_len;

	if (name == NULL || name > head_end)
		return false;
	name += sizeof("content-length:") - 1;
	name += strspn(name, " ");
	return num_parse(name, strcspn(name, "\r"), &body_len) &&
	       desk->answer_len >= (size_t)(head_end + 4 - desk->answer) + (size_t)body_len;
}

static void post_tls(struct desk *desk, int64_t n)
{
	int len = (int)strlen(desk->request), got;

	(void)n;
	desk->answer_len = 0;
	desk->answer[0] = '\0';
	if (SSL_write(desk->tls, desk->request, len) != len)
		give_up("TLS", "the request was not taken");
	while (!answer_whole(desk)) {
		got = SSL_read(desk->tls, desk->answer + desk->answer_len,
			       (int)(sizeof(desk->answer) - 1 - desk->answer_len));
		if (got <= 0)
			give_up("TLS", "the answer ended early");
		desk->answer_len += (size_t)got;
		desk->answer[desk->answer_len] = '\0';
	}
}

/* ---- measuring ---- */
static double post_us(struct desk *desk, enum way way, int64_t n)
{
	static void (*const ways[WAY_COUNT])(struct desk *, int64_t) = { post_tls, post_curl, post_kis };
	const struct timespec pause = { .tv_sec = 0, .tv_nsec = PAUSE_NS };
	struct mono begun;
	double took_us;

	(void)nanosleep(&pause, NULL);
	begun = clock_real_mono();
	ways[way](desk, n);
	took_us = (double)(clock_real_mono().ns - begun.ns) / 1000;
	if (way == WAY_KIS ? desk->answer[0] == '\0' : strstr(desk->answer, "\"ODNO\"") == NULL)
		give_up("an order was not accepted", desk->answer);
	return took_us;
}

static void measure(struct desk *desk)
{
	static const char *const names[WAY_COUNT][2] = {
		{ "post_tls_p50", "post_tls_p99" },
		{ "post_curl_p50", "post_curl_p99" },
		{ "post_order_p50", "post_order_p99" },
	};
	static struct figure figures[WAY_COUNT][2];
	static double times[WAY_COUNT][ORDERS];
	int64_t n = 1;

	for (int way = 0; way < WAY_COUNT; way++) {
		for (int k = 0; k < 2; k++)
			figures[way][k] = (struct figure){ .name = names[way][k], .unit = "us" };
	}
	for (int round = -1; round < ROUNDS; round++) {
		int orders = round < 0 ? WARM : ORDERS;

		for (int i = 0; i < orders; i++) {
			for (int way = 0; way < WAY_COUNT; way++)
				times[way][i] = post_us(desk, (enum way)way, n++);
		}
		for (int way = 0; way < WAY_COUNT && round >= 0; way++) {
			figure_add(&figures[way][0], figure_percentile(times[way], orders, 50));
			figure_add(&figures[way][1], figure_percentile(times[way], orders, 99));
		}
	}
	for (int k = 0; k < 2; k++) {
		figure_tell(&figures[WAY_KIS][k], &figures[WAY_CURL][k]);
		figure_tell(&figures[WAY_KIS][k], &figures[WAY_TLS][k]);
		figure_tell(&figures[WAY_CURL][k], &figures[WAY_TLS][k]);
		figure_tell(&figures[WAY_TLS][k], NULL);
	}
}

int main(int argc, char **argv)
{
	static struct desk desk;

	if (argc != 4) {
		fprintf(stderr, "usage: post_bench FOLDER READY CA\n");
		return 64;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return 1;
	read_ready(&desk, argv[2]);
	open_kis(&desk, argv[1], argv[3]);
	open_curl(&desk, argv[3]);
	open_tls(&desk, argv[3]);
	write_request(&desk);
	measure(&desk);
	SSL_free(desk.tls);
	SSL_CTX_free(desk.tls_setup);
	(void)close(desk.fd);
	curl_easy_cleanup(desk.easy);
	curl_slist_free_all(desk.headers);
	kis_close(desk.kis);
	clock_leave(desk.seat);
	clock_close(desk.clock);
	conf_clear(&desk.cfg);
	return 0;
}
