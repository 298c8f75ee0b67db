/*
 * fuzz - bad clients and bad files for the simulator, from a seed.
 *
 *   fuzz BROKER FOLDER SEED SECONDS
 *
 * Starts BROKER (built with the sanitizers) and sends it mutated HTTP requests, JSON bodies, queries, WebSocket
 * messages and frames, and control lines; in this process it reads mutated state, frame, fault and day files; now
 * and then BROKER is started on mutated files. It must live, answer a good request after all of it, and end with 0.
 * The same seed makes the same cases. Writes only below FOLDER.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/bug.h"
#include "shared/base/clock.h"
#include "shared/base/file.h"
#include "shared/base/won.h"
#include "tests/broker/exchange.h"
#include "tests/broker/faults.h"
#include "tests/broker/random.h"
#include "tests/broker/settings.h"

#include "shared/base/banned.h"

#define CASE_SIZE_MAX 65536
#define ANSWER_MS     150
#define CLEAR_EVERY   50 /* cases between two "no faults, please" */
#define START_EVERY   400 /* cases between two starts on bad files */

struct text {
	char bytes[CASE_SIZE_MAX];
	size_t len;
};
struct fuzz {
	const char *broker;
	char folder[FILE_PATH_SIZE - 64];
	struct sim_random random;
	pid_t pid;
	uint16_t rest_port, ws_port;
	char appkey[64], appsecret[256], token[512], approval[64];
	SSL_CTX *tls;
	SSL *rest;
	int rest_fd, ws_fd, control_fd;
	int64_t rests, messages, lines, files, starts, restarts;
};

/* ---- seeds ---- */

static const char *const heads[] = {
	"GET "
	"/uapi/domestic-stock/v1/trading/inquire-balance?CANO=50123456&ACNT_PRDT_CD=01&AFHR_FLPR_YN=N&OFL_YN="
	"&INQR_DVSN=02&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N&FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00&CTX_AREA_FK100="
	"&CTX_AREA_NK100= HTTP/1.1\r\ntr_id: TTTC8434R\r\n",
	"GET "
	"/uapi/domestic-stock/v1/trading/"
	"inquire-daily-ccld?CANO=50123456&ACNT_PRDT_CD=01&INQR_STRT_DT=20210104"
	"&INQR_END_DT=20210104&SLL_BUY_DVSN_CD=00&INQR_DVSN=00&PDNO=&CCLD_DVSN=00&ORD_GNO_BRNO=&ODNO="
	"&INQR_DVSN_3=00&INQR_DVSN_1=&EXCG_ID_DVSN_CD=ALL&CTX_AREA_FK100=&CTX_AREA_NK100= HTTP/1.1\r\n"
	"tr_id: TTTC0081R\r\ntr_cont: N\r\n",
	"GET "
	"/uapi/domestic-stock/v1/quotations/"
	"inquire-daily-itemchartprice?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD="
	"005930&FID_INPUT_DATE_1=20200101&FID_INPUT_DATE_2=20210104&FID_PERIOD_DIV_CODE=D&FID_ORG_ADJ_PRC=0 "
	"HTTP/1.1\r\ntr_id: FHKST03010100\r\n",
	"GET /uapi/domestic-stock/v1/quotations/chk-holiday?BASS_DT=20210104&CTX_AREA_FK=&CTX_AREA_NK= "
	"HTTP/1.1\r\n"
	"tr_id: CTCA0903R\r\n",
	"GET "
	"/uapi/domestic-stock/v1/quotations/"
	"inquire-price?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=%30%30593%30 "
	"HTTP/1.1\r\ntr_id: FHKST01010100\r\n",
	"GET "
	"/uapi/domestic-stock/v1/quotations/volume-rank?FID_COND_MRKT_DIV_CODE=J&FID_COND_SCR_DIV_CODE=20171 "
	"HTTP/1.1\r\ntr_id: FHPST01710000\r\n",
};
static const char *const posts[][3] = {
	{ "/uapi/domestic-stock/v1/trading/order-cash", "TTTC0012U",
	  "{\"CANO\":\"50123456\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"005930\",\"ORD_DVSN\":\"00\",\"ORD_"
	  "QTY\":\"1\","
	  "\"ORD_UNPR\":\"70000\",\"EXCG_ID_DVSN_CD\":\"KRX\"}" },
	{ "/uapi/domestic-stock/v1/trading/order-rvsecncl", "TTTC0013U",
	  "{\"CANO\":\"50123456\",\"ACNT_PRDT_CD\":\"01\",\"KRX_FWDG_ORD_ORGNO\":\"\",\"ORGN_ODNO\":"
	  "\"0000004126\","
	  "\"ORD_DVSN\":\"00\",\"RVSE_CNCL_DVSN_CD\":\"02\",\"ORD_QTY\":\"1\",\"ORD_UNPR\":\"0\",\"QTY_ALL_"
	  "ORD_YN\":"
	  "\"Y\"}" },
	{ "/uapi/domestic-stock/v1/trading/order-resv", "CTSC0008U",
	  "{\"CANO\":\"50123456\",\"ACNT_PRDT_CD\":\"01\",\"PDNO\":\"005930\",\"ORD_QTY\":\"1\",\"ORD_UNPR\":"
	  "\"70000\","
	  "\"SLL_BUY_DVSN_CD\":\"02\",\"ORD_DVSN_CD\":\"00\",\"ORD_OBJT_CBLC_DVSN_CD\":\"10\"}" },
	{ "/uapi/hashkey", "", "{\"a\":\"b\",\"c\":[1,2,{\"d\":null}]}" },
	{ "/oauth2/Approval", "",
	  "{\"grant_type\":\"client_credentials\",\"appkey\":\"x\",\"secretkey\":\"y\"}" },
	{ "/oauth2/tokenP", "",
	  "{\"grant_type\":\"client_credentials\",\"appkey\":\"x\",\"appsecret\":\"y\"}" },
};
static const char *const messages[] = {
	"{\"header\":{\"approval_key\":\"@\",\"custtype\":\"P\",\"tr_type\":\"1\",\"content-type\":\"utf-8\"}"
	",\"body\":"
	"{\"input\":{\"tr_id\":\"H0STCNT0\",\"tr_key\":\"005930\"}}}",
	"{\"header\":{\"approval_key\":\"@\",\"custtype\":\"P\",\"tr_type\":\"2\",\"content-type\":\"utf-8\"}"
	",\"body\":"
	"{\"input\":{\"tr_id\":\"H0STASP0\",\"tr_key\":\"000660\"}}}",
	"{\"header\":{\"tr_id\":\"PINGPONG\",\"datetime\":\"20210104100500\"}}",
	"0|pingpong",
};
static const char *const lines[] = {
	"{\"do\":\"now\"}",
	"{\"do\":\"cash\",\"cash\":50000000,\"d1\":1,\"d2\":2}",
	"{\"do\":\"faults\",\"set\":[{\"on\":\"balance\",\"from\":1,\"count\":2,\"kind\":\"delay:1ms\","
	"\"after\":"
	"\"10:00:00\"},{\"on\":\"ws\",\"kind\":\"slicer:7\"}]}",
	"{\"do\":\"tick\",\"symbol\":\"005930\",\"price\":81000,\"qty\":3}",
	"{\"do\":\"notice\",\"odno\":\"0000004126\",\"symbol\":\"005930\",\"side\":\"BUY\",\"qty\":1,"
	"\"price\":2}",
	"{\"do\":\"frame\",\"text\":\"0|H0STCNT0|001|x\"}",
	"{\"do\":\"fill\",\"odno\":\"0000004126\",\"qty\":1,\"price\":70000}",
	"{\"do\":\"reject\",\"odno\":\"0000004127\"}",
	"{\"do\":\"halt\",\"symbol\":\"000660\",\"on\":true}",
	"{\"do\":\"set\",\"set\":\"trade_fields=46\"}",
	"{\"do\":\"truth\",\"orders\":[{\"odno\":\"9\",\"side\":\"BUY\",\"symbol\":\"005930\",\"qty\":5,"
	"\"price\":70000,"
	"\"time\":\"10:00:00\",\"filled\":2,\"copies\":2}],\"balance\":[{\"symbol\":\"005930\",\"qty\":3,"
	"\"avg\":7000}],"
	"\"reservations\":[{\"seq\":1,\"symbol\":\"005930\",\"qty\":1,\"price\":5}],\"rights\":[{\"symbol\":"
	"\"005930\","
	"\"kind\":\"SPLIT\",\"from\":1,\"to\":5,\"day\":\"2021-01-04\"}],\"calendar\":{\"2021-01-05\":"
	"\"closed\"},"
	"\"prices\":[{\"symbol\":\"123456\",\"prev_close\":1000,\"last\":1100}],\"next\":[{\"filled\":1}]}",
	"{\"do\":\"dump\",\"reset\":true}",
};
static const char *const tokens[] = { "\"",
				      "{",
				      "}",
				      "[",
				      "]",
				      "\\u0000",
				      "\\ud800",
				      "%00",
				      "%zz",
				      "-1",
				      "0",
				      "1e999",
				      "^",
				      "|",
				      "null",
				      "true",
				      "\r\n",
				      "\r\n\r\n",
				      ":",
				      ",",
				      "\xff",
				      "\xc3",
				      " ",
				      "9223372036854775807",
				      "99999999999999999999",
				      "Content-Length: 5\r\n",
				      "Transfer-Encoding: chunked\r\n",
				      "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n0\r\n\r\n",
				      "2147483648",
				      "\xed\xa0\x80" };

/* ---- mutation ---- */

static void put(struct text *t, const char *bytes, size_t bytes_len)
{
	if (bytes_len > sizeof t->bytes - 1 - t->len)
		bytes_len = sizeof t->bytes - 1 - t->len;
	memcpy(t->bytes + t->len, bytes, bytes_len);
	t->len += bytes_len;
	t->bytes[t->len] = '\0';
}

static void puts_to(struct text *t, const char *text)
{
	put(t, text, strlen(text));
}

static void insert(struct text *t, size_t at, const char *bytes, size_t bytes_len)
{
	if (t->len + bytes_len >= sizeof t->bytes)
		return;
	memmove(t->bytes + at + bytes_len, t->bytes + at, t->len - at);
	memcpy(t->bytes + at, bytes, bytes_len);
	t->len += bytes_len;
	t->bytes[t->len] = '\0';
}

static void mutate_once(struct sim_random *random, struct text *t)
{
	size_t at = t->len == 0 ? 0 : (size_t)sim_range(random, 0, (int64_t)t->len - 1);
	size_t span = (size_t)sim_range(random, 1, 40);
	char byte = (char)sim_range(random, 0, 255), run[2048];
	const char *token = tokens[sim_range(random, 0, (int64_t)ARRAY_COUNT(tokens) - 1)];

	if (span > t->len - at)
		span = t->len - at;
	switch (sim_range(random, 0, 6)) {
	case 0:
		if (t->len > 0)
			t->bytes[at] ^= (char)(1 << sim_range(random, 0, 7));
		break;
	case 1: insert(t, at, &byte, 1); break;
	case 2:
		memmove(t->bytes + at, t->bytes + at + span, t->len - at - span);
		t->len -= span;
		break;
	case 3:
		memcpy(run, t->bytes + at, span);
		insert(t, at, run, span);
		break;
	case 4: insert(t, at, token, strlen(token)); break;
	case 5:
		memset(run, byte, sizeof run);
		insert(t, at, run, (size_t)sim_range(random, 1, (int64_t)sizeof run));
		break;
	default:
		if (sim_chance(random, 20))
			t->len = at;
		break;
	}
	t->bytes[t->len] = '\0';
}

static void mutate(struct sim_random *random, struct text *t)
{
	int64_t times = sim_range(random, 0, 6);

	for (int64_t i = 0; i < times; i++)
		mutate_once(random, t);
}

/* ---- the program under test ---- */

static int die(const char *what)
{
	fprintf(stderr, "fuzz: %s\n", what);
	exit(1);
}

static int64_t real_ms(void)
{
	return clock_real_mono().ns / 1000000;
}

static void in_folder(const struct fuzz *fz, const char *name, char out[static FILE_PATH_SIZE])
{
	snprintf(out, FILE_PATH_SIZE, "%s/%s", fz->folder, name);
}

/* Starts the simulator; its one line of readiness goes to `ready`, "" when it ended before. */
static pid_t start(const struct fuzz *fz, const char *const *more, struct text *ready)
{
	char ca[FILE_PATH_SIZE], control[FILE_PATH_SIZE], errors[FILE_PATH_SIZE];
	const char *argv[32] = { "broker",       "--day", "2021-01-04", "--at",  "10:05:00",
				 "--ca-out",     ca,      "--control",  control, "--set",
				 "rest_per_s=0", "--set", "ws_ping_s=1" };
	int fds[2], count = 13;
	pid_t pid;

	BUG_IF(fz->broker == NULL, "the command line names the simulator");
	in_folder(fz, "ca.pem", ca);
	in_folder(fz, "c.sock", control);
	in_folder(fz, "err", errors);
	while (*more != NULL)
		argv[count++] = *more++;
	argv[count] = NULL;
	if (pipe(fds) != 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		if (freopen(errors, "a", stderr) == NULL)
			_exit(127);
		execv(fz->broker, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	ready->len = 0;
	ready->bytes[0] = '\0';
	while (ready->len < sizeof ready->bytes - 1 && memchr(ready->bytes, '\n', ready->len) == NULL) {
		ssize_t got = read(fds[0], ready->bytes + ready->len, sizeof ready->bytes - 1 - ready->len);

		if (got <= 0)
			break;
		ready->len += (size_t)got;
		ready->bytes[ready->len] = '\0';
	}
	close(fds[0]);
	return pid;
}

static void end_well(pid_t pid, bool killed)
{
	int status = 0;

	if (killed)
		kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (WIFSIGNALED(status) || (killed && WEXITSTATUS(status) != 0)) {
		fprintf(stderr,
			"fuzz: the simulator ended with signal %d, status %d; its last words are in err\n",
			WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status));
		exit(1);
	}
}

static int connect_port(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval wait = { .tv_usec = ANSWER_MS * 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
		die("the simulator is not there any more");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	return fd;
}

/* ---- REST ---- */

static void rest_close(struct fuzz *fz)
{
	SSL_free(fz->rest);
	fz->rest = NULL;
	if (fz->rest_fd >= 0)
		close(fz->rest_fd);
	fz->rest_fd = -1;
}

/* Sends bytes as they are and reads what comes first. Whether a reply came. */
static bool rest_ask(struct fuzz *fz, const struct text *request, struct text *answer)
{
	size_t got = 0, written = 0;

	if (fz->rest == NULL) {
		fz->rest_fd = connect_port(fz->rest_port);
		fz->rest = SSL_new(fz->tls);
		SSL_set_fd(fz->rest, fz->rest_fd);
		if (SSL_connect(fz->rest) != 1) {
			rest_close(fz);
			return false;
		}
	}
	answer->len = 0;
	if (request->len == 0 || SSL_write_ex(fz->rest, request->bytes, request->len, &written) != 1 ||
	    SSL_read_ex(fz->rest, answer->bytes, sizeof answer->bytes - 1, &got) != 1) {
		rest_close(fz);
		return false;
	}
	answer->len = got;
	answer->bytes[got] = '\0';
	if (strstr(answer->bytes, "Connection: close") != NULL || got > 30000)
		rest_close(fz); /* the rest of a large answer would be taken for the next one */
	return true;
}

static void put_login(const struct fuzz *fz, struct text *t)
{
	puts_to(t, "content-type: application/json\r\ncusttype: P\r\nauthorization: Bearer ");
	puts_to(t, fz->token);
	puts_to(t, "\r\nappkey: ");
	puts_to(t, fz->appkey);
	puts_to(t, "\r\nappsecret: ");
	puts_to(t, fz->appsecret);
	puts_to(t, "\r\n");
}

static void put_post(const struct fuzz *fz, struct text *t, const char *path, const char *tr_id,
		     const struct text *body)
{
	char head[256];

	snprintf(head, sizeof head, "POST %s HTTP/1.1\r\ntr_id: %s\r\nContent-Length: %zu\r\n", path, tr_id,
		 body->len);
	puts_to(t, head);
	put_login(fz, t);
	puts_to(t, "\r\n");
	put(t, body->bytes, body->len);
}

static void fuzz_rest(struct fuzz *fz)
{
	static struct text request, body, answer;
	bool whole = sim_chance(&fz->random, 40); /* else only the body or the query */

	request.len = body.len = 0;
	if (sim_chance(&fz->random, 50)) {
		const char *head = heads[sim_range(&fz->random, 0, (int64_t)ARRAY_COUNT(heads) - 1)];

		puts_to(&request, head);
		if (!whole)
			mutate(&fz->random, &request);
		put_login(fz, &request);
		puts_to(&request, "\r\n");
	} else {
		const char *const *post = posts[sim_range(&fz->random, 0, (int64_t)ARRAY_COUNT(posts) - 1)];

		puts_to(&body, post[2]);
		if (!whole)
			mutate(&fz->random, &body);
		put_post(fz, &request, post[0], post[1], &body);
	}
	if (whole)
		mutate(&fz->random, &request);
	(void)rest_ask(fz, &request, &answer);
	fz->rests++;
}

/* A member of a JSON answer's body. */
static void member_of(const struct text *answer, const char *name, char *out, size_t out_size)
{
	const char *body = strstr(answer->bytes, "\r\n\r\n");
	cJSON *root = body == NULL ? NULL : cJSON_Parse(body);
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(root, name));

	snprintf(out, out_size, "%s", value == NULL ? "" : value);
	cJSON_Delete(root);
}

static void login(struct fuzz *fz)
{
	static struct text request, body, answer;
	static const char *const forms[2][3] = { { "/oauth2/tokenP", "appsecret", "access_token" },
						 { "/oauth2/Approval", "secretkey", "approval_key" } };

	for (int i = 0; i < 2; i++) {
		char json[512];

		snprintf(json, sizeof json,
			 "{\"grant_type\":\"client_credentials\",\"appkey\":\"%s\",\"%s\":\"%s\"}",
			 fz->appkey, forms[i][1], fz->appsecret);
		request.len = body.len = 0;
		puts_to(&body, json);
		put_post(fz, &request, forms[i][0], "", &body);
		if (!rest_ask(fz, &request, &answer))
			die("no answer to a login");
		member_of(&answer, forms[i][2], i == 0 ? fz->token : fz->approval,
			  i == 0 ? sizeof fz->token : sizeof fz->approval);
	}
	if (fz->token[0] == '\0' || fz->approval[0] == '\0')
		die("a login was refused");
}

/* ---- WebSocket ---- */

static void ws_open_socket(struct fuzz *fz)
{
	static const char hello[] =
		"GET /tryitout HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	char answer[1024];

	fz->ws_fd = connect_port(fz->ws_port);
	if (send(fz->ws_fd, hello, sizeof hello - 1, MSG_NOSIGNAL) < 0 ||
	    recv(fz->ws_fd, answer, sizeof answer, 0) <= 0) {
		close(fz->ws_fd);
		fz->ws_fd = -1;
	}
}

/* A masked frame round a mutated message, itself mutated now and then; or a message cut into fragments. */
static void fuzz_ws(struct fuzz *fz)
{
	static struct text text, frame;
	const char *seed = messages[sim_range(&fz->random, 0, (int64_t)ARRAY_COUNT(messages) - 1)];
	const char *at = strchr(seed, '@');
	unsigned char head[14] = { 0x81 };
	size_t head_len = 2;
	char bytes[4096];

	if (fz->ws_fd < 0)
		ws_open_socket(fz);
	if (fz->ws_fd < 0)
		return;
	text.len = frame.len = 0;
	put(&text, seed, at == NULL ? strlen(seed) : (size_t)(at - seed));
	if (at != NULL) {
		puts_to(&text, fz->approval);
		puts_to(&text, at + 1);
	}
	mutate(&fz->random, &text);
	if (sim_chance(&fz->random, 10))
		head[0] = (unsigned char)sim_range(&fz->random, 0, 255);
	if (text.len < 126) {
		head[1] = (unsigned char)(0x80 | text.len);
	} else {
		head[1] = 0x80 | 126;
		head[2] = (unsigned char)(text.len >> 8);
		head[3] = (unsigned char)text.len;
		head_len = 4;
	}
	head_len += 4; /* a mask of zeros changes nothing */
	put(&frame, (char *)head, head_len);
	put(&frame, text.bytes, text.len);
	if (sim_chance(&fz->random, 10))
		mutate(&fz->random, &frame);
	if (send(fz->ws_fd, frame.bytes, frame.len, MSG_NOSIGNAL) < 0 ||
	    recv(fz->ws_fd, bytes, sizeof bytes, MSG_DONTWAIT) == 0 || sim_chance(&fz->random, 3)) {
		close(fz->ws_fd);
		fz->ws_fd = -1;
	}
	fz->messages++;
}

/* ---- control ---- */

static void control_say(struct fuzz *fz, const struct text *line)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_usec = ANSWER_MS * 1000 };
	char path[FILE_PATH_SIZE], bytes[65536];

	if (fz->control_fd < 0) {
		in_folder(fz, "c.sock", path);
		snprintf(at.sun_path, sizeof at.sun_path, "%.100s", path);
		fz->control_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fz->control_fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
		if (connect(fz->control_fd, (struct sockaddr *)&at, sizeof at) != 0)
			die("the control socket is not there any more");
	}
	if (send(fz->control_fd, line->bytes, line->len, MSG_NOSIGNAL) < 0 ||
	    recv(fz->control_fd, bytes, sizeof bytes, 0) == 0) {
		close(fz->control_fd);
		fz->control_fd = -1;
	}
}

static void fuzz_control(struct fuzz *fz)
{
	static struct text line;

	line.len = 0;
	puts_to(&line, lines[sim_range(&fz->random, 0, (int64_t)ARRAY_COUNT(lines) - 1)]);
	mutate(&fz->random, &line);
	puts_to(&line, "\n");
	control_say(fz, &line);
	fz->lines++;
}

static void no_faults(struct fuzz *fz)
{
	static struct text line;

	line.len = 0;
	puts_to(&line, "{\"do\":\"faults\",\"set\":[]}\n");
	control_say(fz, &line);
}

/* ---- files ---- */

static const char state_seed[] = "{\"version\":1,\"day\":20210104,\"odno_next\":4130,\"resv_next\":4657,"
				 "\"accounts\":[{\"number\":\"50123456-01\","
				 "\"cash_won\":1000,\"commission_ppm\":142,\"real\":{\"deposit_won\":1000,"
				 "\"holdings\":[{\"code\":\"005930\",\"qty\":3,"
				 "\"cost_won\":210000}]}}],\"orders\":[],\"fills\":[],\"reservations\":[]}";
static const char frame_seed[] = "0|H0STCNT0|001|005930^112616^62700^2^400^0.64^62700.41^62700^63000^62300^"
				 "62700^62600^125^9694968^607878273600^"
				 "25807^15918^-9889^93.01^4614191^4291558^1^0.45^63.03^090013^3^0^090646^5^-"
				 "300^100741^2^400^20230324^20^N^71292^"
				 "244009^2795345^2044512^0.16^5367918^180.61^0^^62700\n0|H0STASP0|001|005930^"
				 "120755^0^71500^71600^71700^71800^71900^"
				 "72000^72100^72200^72300^72400^71400^71300^71200^71100^71000^70900^70800^"
				 "70700^70600^70500^224894^232186^146088^"
				 "104734^149529^164939^70009^113786^95478^118801^255687^363921^204942^342566^"
				 "471139^207546^245925^295307^144386^"
				 "423045^1420444^2954464^0^0^0^0^326405^-72000^5^-100.00^7504606^1^1^0^0^0\n";
static const char day_seed[] =
	"code,market,open,high,low,close,change,change_pct,volume,turnover,shares,name\n"
	"005930,KOSPI,81000,84400,80200,83000,2000,2.47,38655276,3185356823460,5969782550,name\n";
static const char fault_seed[] =
	"[{\"on\":\"balance\",\"from\":0,\"count\":2,\"kind\":\"delay:40s\",\"ppm\":5,\"after\":"
	"\"10:00:00\",\"until\":\"11:00:00\",\"accepted\":true,\"row\":{\"odno\":\"1\"}}]";

static void write_file(const struct fuzz *fz, const char *name, const struct text *t,
		       char path[static FILE_PATH_SIZE])
{
	in_folder(fz, name, path);
	if (file_replace(path, t->bytes, t->len, 0600) != REASON_OK)
		die("a file cannot be written");
}

static void seed_state(struct fuzz *fz, struct text *t)
{
	char path[FILE_PATH_SIZE];
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;

	t->len = 0;
	in_folder(fz, "real.state", path);
	if (sim_chance(&fz->random, 70) && file_exists(path) &&
	    file_read(path, CASE_SIZE_MAX / 2, &bytes, &bytes_size) == REASON_OK) {
		put(t, (const char *)bytes, bytes_size);
		file_free(bytes, bytes_size);
	} else {
		puts_to(t, state_seed);
	}
}

/* A state that was taken plays a while: what was read must be sound enough for the day. */
static void read_files(struct fuzz *fz, struct exchange *ex)
{
	static struct text t;
	struct exch_account account = { .number = "50123456-01", .cash_won = 1000000, .commission_ppm = 142 };
	struct exch_day day = { { 20210104 }, { 20201230 }, true, 36000, 55800 };
	char path[FILE_PATH_SIZE];
	size_t index, records;
	bool good;

	t.len = 0;
	puts_to(&t, day_seed);
	if (sim_chance(&fz->random, 50))
		mutate(&fz->random, &t);
	write_file(fz, "days", &t, path);
	(void)exch_load_days(ex, path, path);
	t.len = 0;
	puts_to(&t, frame_seed);
	mutate(&fz->random, &t);
	write_file(fz, "frames", &t, path);
	(void)exch_load_frames(ex, path, &records);
	if (exch_account_add(ex, &account, &index) != REASON_OK)
		die("an account of our own");
	seed_state(fz, &t);
	mutate(&fz->random, &t);
	write_file(fz, "state", &t, path);
	good = exch_state_load(ex, path) == REASON_OK;
	if (good && exch_day_begin(ex, &day, kst_wall(day.day, 36100)) == REASON_OK)
		exch_advance(ex, kst_wall(day.day, 56000));
	free(exch_ledger_json(ex));
}

static void fuzz_files(struct fuzz *fz)
{
	static struct text t;
	struct exch_config config = { .seed = 1, .prints_per_symbol = 20, .vi = true };
	struct exchange *ex = NULL;
	struct faults faults = FAULTS_INIT;
	struct settings set;
	cJSON *root;

	if (exch_new(&config, NULL, NULL, &ex) != REASON_OK)
		die("no exchange");
	read_files(fz, ex);
	exch_free(ex);
	t.len = 0;
	puts_to(&t, fault_seed);
	mutate(&fz->random, &t);
	root = cJSON_ParseWithLength(t.bytes, t.len);
	(void)faults_set(&faults, root);
	cJSON_Delete(root);
	faults_clear(&faults);
	t.len = 0;
	puts_to(&t, "tls_cert=wrong-name");
	mutate(&fz->random, &t);
	settings_init(&set, false);
	(void)settings_assign(&set, t.bytes);
	fz->files += 4;
}

/* The program itself on a bad accounts file: it says so and ends, or it runs and can be ended. */
static void fuzz_start(struct fuzz *fz)
{
	static const char accounts[] =
		"[{\"account\":\"50123456-01\",\"appkey\":\"PSabc\",\"appsecret\":\"sec\",\"htsid\":"
		"\"me\",\"name\":\"n\",\"cash\":1000,\"commission_ppm\":142,\"foreign\":false}]";
	static struct text t, ready;
	char path[FILE_PATH_SIZE], control[FILE_PATH_SIZE];
	const char *more[] = { "--accounts", path, "--market", "still", "--control", control, NULL };
	pid_t pid;

	in_folder(fz, "d.sock", control);
	t.len = 0;
	puts_to(&t, accounts);
	mutate(&fz->random, &t);
	write_file(fz, "accounts", &t, path);
	pid = start(fz, more, &ready);
	end_well(pid, ready.len > 0);
	fz->starts++;
}

/* ---- all of it ---- */

static void up(struct fuzz *fz)
{
	static struct text ready;
	char state[FILE_PATH_SIZE];
	const char *more[] = { "--state", state, NULL };
	const cJSON *account;
	cJSON *root;
	const char *rest, *ws;
	int64_t number = 0;

	in_folder(fz, "real.state", state);
	fz->pid = start(fz, more, &ready);
	root = cJSON_Parse(ready.bytes);
	rest = cJSON_GetStringValue(cJSON_GetObjectItem(root, "rest"));
	ws = cJSON_GetStringValue(cJSON_GetObjectItem(root, "ws"));
	account = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "accounts"), 0);
	if (rest == NULL || ws == NULL || account == NULL)
		die("the simulator did not become ready");
	if (!num_parse(strrchr(rest, ':') + 1, strlen(strrchr(rest, ':') + 1), &number))
		die("its address is none");
	fz->rest_port = (uint16_t)number;
	if (!num_parse(strrchr(ws, ':') + 1, strlen(strrchr(ws, ':') + 1), &number))
		die("its address is none");
	fz->ws_port = (uint16_t)number;
	snprintf(fz->appkey, sizeof fz->appkey, "%s",
		 cJSON_GetStringValue(cJSON_GetObjectItem(account, "appkey")));
	snprintf(fz->appsecret, sizeof fz->appsecret, "%s",
		 cJSON_GetStringValue(cJSON_GetObjectItem(account, "appsecret")));
	cJSON_Delete(root);
	login(fz);
}

static void shut(struct fuzz *fz)
{
	rest_close(fz);
	if (fz->ws_fd >= 0)
		close(fz->ws_fd);
	if (fz->control_fd >= 0)
		close(fz->control_fd);
	fz->ws_fd = fz->control_fd = -1;
}

/* A mutated line may have told it to stop, and mutated truth may have ended its tokens: then a new one. */
static void look_after(struct fuzz *fz)
{
	int status;

	if (waitpid(fz->pid, &status, WNOHANG) != fz->pid)
		return;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "fuzz: the simulator ended with status %d; its last words are in %s/err\n",
			status, fz->folder);
		exit(1);
	}
	shut(fz);
	up(fz);
	fz->restarts++;
}

static void one_case(struct fuzz *fz, int64_t number)
{
	look_after(fz);
	if (number % CLEAR_EVERY == 0)
		no_faults(fz);
	if (number % START_EVERY == 0)
		fuzz_start(fz);
	switch (sim_range(&fz->random, 0, 9)) {
	case 0:
	case 1:
	case 2:
	case 3: fuzz_rest(fz); break;
	case 4:
	case 5:
	case 6: fuzz_ws(fz); break;
	case 7:
	case 8: fuzz_control(fz); break;
	default: fuzz_files(fz); break;
	}
}

int main(int argc, char **argv)
{
	static struct fuzz fz = { .rest_fd = -1, .ws_fd = -1, .control_fd = -1 };
	int64_t seed, seconds, number = 0, end_ms;

	if (argc != 5 || !num_parse(argv[3], strlen(argv[3]), &seed) ||
	    !num_parse(argv[4], strlen(argv[4]), &seconds))
		die("fuzz BROKER FOLDER SEED SECONDS");
	fz.broker = argv[1];
	snprintf(fz.folder, sizeof fz.folder, "%s", argv[2]);
	fz.random.state = (uint64_t)seed;
	signal(SIGPIPE, SIG_IGN);
	fz.tls = SSL_CTX_new(TLS_client_method());
	if (fz.tls == NULL)
		die("no TLS");
	up(&fz);
	end_ms = real_ms() + seconds * 1000;
	while (real_ms() < end_ms)
		one_case(&fz, ++number);
	look_after(&fz);
	no_faults(&fz);
	rest_close(&fz);
	end_well(fz.pid, true);
	shut(&fz);
	SSL_CTX_free(fz.tls);
	printf("fuzz: seed %lld: %lld requests, %lld messages, %lld control lines, %lld files, %lld starts "
	       "on bad accounts, "
	       "%lld restarts; it lived\n",
	       (long long)seed, (long long)fz.rests, (long long)fz.messages, (long long)fz.lines,
	       (long long)fz.files, (long long)fz.starts, (long long)fz.restarts);
	return 0;
}
