/*
 * tls_server - a real HTTPS server on loopback that plays scripted bytes and remembers what it was sent.
 *
 * Shape   one thread accepts, one thread per connection; every whole request takes the next step of the script (the last
 *         one repeats). A certificate for 127.0.0.1 is made at the start and written where the client's ca_file points.
 * Owner   tls_server_start/tls_server_stop; requests stay readable until stop.
 * Errors  anything that goes wrong on the server's side fails the test.
 */
#ifndef GJ_TEST_KIS_TLS_SERVER_H
#define GJ_TEST_KIS_TLS_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/shared/kis/samples.h"

#define SERVER_REQUESTS_MAX    256
#define SERVER_CONNECTIONS_MAX 64
#define SERVER_REQUEST_SIZE    16384

enum step_end {
	END_KEEP, /* the connection stays */
	END_NOTIFY, /* proper TLS end, then FIN */
	END_FIN, /* FIN without a word */
	END_RST, /* reset */
};
struct server_step {
	const char *head; /* status line and headers without Content-Length; NULL = no answer at all */
	const char *body;
	size_t body_len; /* 0 = strlen(body) */
	long promise; /* Content-Length when it should differ from what is sent; 0 = the truth */
	int wait_ms; /* before the answer */
	int byte_ms; /* wait after every byte of the body */
	enum step_end end;
};
struct server_request {
	char text[SERVER_REQUEST_SIZE];
	size_t len;
	int connection;
};
struct tls_server {
	SSL_CTX *ctx;
	int fd;
	uint16_t port;
	char ca_path[128];
	int handshake_ms; /* before every TLS handshake; set while nobody connects */
	pthread_t accepter;
	pthread_t threads[SERVER_CONNECTIONS_MAX];
	int fds[SERVER_CONNECTIONS_MAX];
	int connection_count;
	pthread_mutex_t lock;
	const struct server_step *steps;
	int step_count, step_at;
	struct server_request requests[SERVER_REQUESTS_MAX];
	int request_count;
};
struct server_line {
	struct tls_server *server;
	int index;
};

static inline void server_certificate(struct tls_server *server)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name;
	X509_EXTENSION *ext;
	FILE *file;

	assert_non_null(key);
	assert_non_null(cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	assert_non_null(ext);
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(server->ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server->ctx, key), 1);
	file = fopen(server->ca_path, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, cert), 1);
	assert_int_equal(fclose(file), 0);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* One whole request, head and body; false when the client went away. */
static inline bool server_read(SSL *ssl, struct server_request *request)
{
	request->len = 0;
	for (;;) {
		const char *head_end, *length;
		int got;

		request->text[request->len] = '\0';
		head_end = strstr(request->text, "\r\n\r\n");
		if (head_end != NULL) {
			size_t want = (size_t)(head_end + 4 - request->text);

			length = strcasestr(request->text, "\r\ncontent-length:");
			if (length != NULL && length < head_end)
				want += strtoul(length + 17, NULL, 10);
			if (request->len >= want)
				return true;
		}
		if (request->len + 1 >= sizeof(request->text))
			return false;
		got = SSL_read(ssl, request->text + request->len,
			       (int)(sizeof(request->text) - 1 - request->len));
		if (got <= 0)
			return false;
		request->len += (size_t)got;
	}
}

static inline bool server_write(SSL *ssl, const char *bytes, size_t len)
{
	while (len > 0) {
		int put = SSL_write(ssl, bytes, len > 16384 ? 16384 : (int)len);

		if (put <= 0)
			return false;
		bytes += put;
		len -= (size_t)put;
	}
	return true;
}

static inline bool server_answer(SSL *ssl, const struct server_step *step)
{
	size_t body_len = step->body == NULL ? 0 : step->body_len != 0 ? step->body_len : strlen(step->body);
	char length[64];

	if (step->wait_ms > 0)
		usleep((useconds_t)step->wait_ms * 1000);
	if (step->head == NULL)
		return true;
	snprintf(length, sizeof(length), "Content-Length: %ld\r\n\r\n",
		 step->promise != 0 ? step->promise : (long)body_len);
	if (!server_write(ssl, step->head, strlen(step->head)) || !server_write(ssl, length, strlen(length)))
		return false;
	if (step->byte_ms == 0)
		return server_write(ssl, step->body, body_len);
	for (size_t i = 0; i < body_len; i++) {
		if (!server_write(ssl, step->body + i, 1))
			return false;
		usleep((useconds_t)step->byte_ms * 1000);
	}
	return true;
}

static inline void *server_connection(void *arg)
{
	struct server_line *line = arg;
	struct tls_server *server = line->server;
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd = server->fds[line->index];
	struct server_request *request = calloc(1, sizeof(*request));
	SSL *ssl = SSL_new(server->ctx);
	enum step_end end = END_FIN;

	if (request == NULL || ssl == NULL)
		abort();
	if (server->handshake_ms > 0)
		usleep((useconds_t)server->handshake_ms * 1000);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		while (server_read(ssl, request)) {
			const struct server_step *step;

			request->connection = line->index;
			pthread_mutex_lock(&server->lock);
			if (server->request_count < SERVER_REQUESTS_MAX)
				server->requests[server->request_count++] = *request;
			step = &server->steps[server->step_at];
			if (server->step_at + 1 < server->step_count)
				server->step_at++;
			pthread_mutex_unlock(&server->lock);
			end = server_answer(ssl, step) ? step->end : END_FIN;
			if (end != END_KEEP)
				break;
		}
	}
	if (end == END_NOTIFY)
		SSL_shutdown(ssl);
	if (end == END_RST)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	SSL_free(ssl);
	pthread_mutex_lock(&server->lock);
	close(fd);
	server->fds[line->index] = -1;
	pthread_mutex_unlock(&server->lock);
	free(request);
	free(line);
	return NULL;
}

static inline void *server_accept(void *arg)
{
	struct tls_server *server = arg;

	for (;;) {
		int fd = accept(server->fd, NULL, NULL), one = 1;
		struct server_line *line;

		if (fd < 0 || server->connection_count == SERVER_CONNECTIONS_MAX)
			return NULL;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		line = malloc(sizeof(*line));
		if (line == NULL)
			abort();
		*line = (struct server_line){ server, server->connection_count };
		pthread_mutex_lock(&server->lock);
		server->fds[line->index] = fd;
		pthread_mutex_unlock(&server->lock);
		if (pthread_create(&server->threads[server->connection_count], NULL, server_connection,
				   line) != 0)
			abort();
		server->connection_count++;
	}
}

static inline struct tls_server *tls_server_start(const char *folder)
{
	struct tls_server *server = calloc(1, sizeof(*server));
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t at_size = sizeof(at);

	assert_non_null(server);
	snprintf(server->ca_path, sizeof(server->ca_path), "%s/ca.pem", folder);
	server->ctx = SSL_CTX_new(TLS_server_method());
	assert_non_null(server->ctx);
	server_certificate(server);
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(server->fd >= 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(server->fd, 16), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&at, &at_size), 0);
	server->port = ntohs(at.sin_port);
	pthread_mutex_init(&server->lock, NULL);
	assert_int_equal(pthread_create(&server->accepter, NULL, server_accept, server), 0);
	return server;
}

static inline void tls_server_play(struct tls_server *server, const struct server_step *steps, int step_count)
{
	pthread_mutex_lock(&server->lock);
	server->steps = steps;
	server->step_count = step_count;
	server->step_at = 0;
	server->request_count = 0;
	pthread_mutex_unlock(&server->lock);
}

static inline int tls_server_count(struct tls_server *server, const char *method)
{
	int count = 0;

	pthread_mutex_lock(&server->lock);
	for (int i = 0; i < server->request_count; i++)
		count += strncmp(server->requests[i].text, method, strlen(method)) == 0;
	pthread_mutex_unlock(&server->lock);
	return count;
}

static inline void tls_server_stop(struct tls_server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->accepter, NULL);
	close(server->fd);
	pthread_mutex_lock(&server->lock);
	for (int i = 0; i < server->connection_count; i++) {
		if (server->fds[i] >= 0)
			shutdown(server->fds[i], SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
	for (int i = 0; i < server->connection_count; i++)
		pthread_join(server->threads[i], NULL);
	pthread_mutex_destroy(&server->lock);
	SSL_CTX_free(server->ctx);
	free(server);
}

#endif
