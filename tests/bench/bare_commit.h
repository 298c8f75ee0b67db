/*
 * bare_commit - the yardstick of a durable row: one prepared INSERT of one row, autocommit, on the same server.
 *
 * Shape   a table of its own (schema gj_bench) with an auto-increment key, a unique text of 26 bytes, nine columns, 200 bytes
 *         of payload: about the size of an intent and its event. Straight to the client library: none of our code between.
 * Units   microseconds of real time.
 * Owner   bare_open/bare_close. Errors end the program with a sentence: a benchmark without its yardstick says nothing.
 */
#ifndef GJ_BENCH_BARE_COMMIT_H
#define GJ_BENCH_BARE_COMMIT_H

#include <mysql.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"

struct bare {
	MYSQL *link;
	MYSQL_STMT *insert;
	MYSQL_BIND in[9];
	char id[32], payload[200];
	unsigned long id_len, payload_len;
	int64_t numbers[7];
};

static inline void bare_must(int failed, const char *error)
{
	if (!failed)
		return;
	fprintf(stderr, "bare commit: %s\n", error);
	exit(1);
}

/* As the server's administrator, which ops/db gives to the user who made it. */
static inline void bare_open(struct bare *bare, const char *socket)
{
	static const char *const texts[] = {
		"CREATE DATABASE IF NOT EXISTS gj_bench",
		"CREATE TABLE IF NOT EXISTS gj_bench.bare (n BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, "
		"id VARCHAR(26) NOT NULL UNIQUE, a BIGINT NOT NULL, b BIGINT NOT NULL, c BIGINT NOT NULL, "
		"d BIGINT NOT NULL, e BIGINT NOT NULL, f BIGINT NOT NULL, g BIGINT NOT NULL, "
		"payload VARCHAR(200) NOT NULL) ENGINE=InnoDB",
	};
	static const char insert[] = "INSERT INTO gj_bench.bare (id, a, b, c, d, e, f, g, payload) VALUES "
				     "(?, ?, ?, ?, ?, ?, ?, ?, ?)";

	*bare = (struct bare){ .link = mysql_init(NULL) };
	bare_must(bare->link == NULL ||
			  mysql_real_connect(bare->link, NULL, "root", "", NULL, 0, socket, 0) == NULL,
		  bare->link != NULL ? mysql_error(bare->link) : "no memory");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		bare_must(mysql_query(bare->link, texts[i]), mysql_error(bare->link));
	bare->insert = mysql_stmt_init(bare->link);
	bare_must(mysql_stmt_prepare(bare->insert, insert, sizeof(insert) - 1),
		  mysql_stmt_error(bare->insert));
	memset(bare->payload, 'p', sizeof(bare->payload));
	bare->payload_len = sizeof(bare->payload);
	bare->in[0] =
		(MYSQL_BIND){ .buffer_type = MYSQL_TYPE_STRING, .buffer = bare->id, .length = &bare->id_len };
	for (int i = 0; i < 7; i++)
		bare->in[i + 1] =
			(MYSQL_BIND){ .buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &bare->numbers[i] };
	bare->in[8] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_STRING,
				    .buffer = bare->payload,
				    .length = &bare->payload_len };
	bare_must(mysql_stmt_bind_param(bare->insert, bare->in), mysql_stmt_error(bare->insert));
}

/* One durable row. `n` must not have been used on this server before. */
static inline double bare_commit_us(struct bare *bare, int64_t n)
{
	struct mono begun;

	bare->id_len = (unsigned long)snprintf(bare->id, sizeof(bare->id), "%026lld", (long long)n);
	for (int i = 0; i < 7; i++)
		bare->numbers[i] = n + i;
	begun = clock_real_mono();
	bare_must(mysql_stmt_execute(bare->insert), mysql_stmt_error(bare->insert));
	return (double)(clock_real_mono().ns - begun.ns) / 1000;
}

static inline void bare_close(struct bare *bare)
{
	if (bare->insert != NULL)
		(void)mysql_stmt_close(bare->insert);
	if (bare->link != NULL)
		mysql_close(bare->link);
	*bare = (struct bare){ 0 };
}

#endif
