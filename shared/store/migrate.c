/*
 * migrate - versions in order, then everything that can be stated anew.
 *
 * A version is the digits a file's name begins with, as dbmate keeps it. MariaDB commits each DDL statement alone: a file that
 * breaks off half-way stays half-way, its version is not noted, and the message says at which line.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/bug.h"
#include "shared/base/file.h"
#include "shared/base/limits.h"
#include "shared/store/db_stmt.h"
#include "shared/store/migrate.h"
#include "shared/base/banned.h"

#define SCHEMA_NEWEST  "002_result_order.sql" /* the newest file of sql/migrations this build was made with */
#define MIGRATIONS_MAX 200
#define VERSION_SIZE   32
#define SQL_FILE_MAX   (1024 * 1024)

static const char *const stated_files[] = { "routines.sql", "triggers.sql", "views.sql", "grants.sql" };

struct migration_list {
	char names[MIGRATIONS_MAX][64]; /* file names, sorted */
	int count;
};
struct version_list {
	char versions[MIGRATIONS_MAX][VERSION_SIZE];
	int count;
};

static bool version_of(const char *file_name, char out[static VERSION_SIZE])
{
	size_t len = strspn(file_name, "0123456789");

	if (len == 0 || len >= VERSION_SIZE || file_name[len] != '_')
		return false;
	memcpy(out, file_name, len);
	out[len] = '\0';
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum reason list_files(const char *sql_dir, struct migration_list *out)
{
	char folder[FILE_PATH_SIZE], version[VERSION_SIZE];
	struct dirent *entry;
	DIR *dir = NULL;
	enum reason why;
	size_t len;

	out->count = 0;
	why = file_join(sql_dir, "migrations", folder);
	if (why != REASON_OK)
		goto out;
	dir = opendir(folder);
	if (!dir) {
		why = reason_set(REASON_FILE_MISSING, "%s cannot be read (%s); correct [paths] sql_dir",
				 folder, strerror(errno));
		goto out;
	}
	while ((entry = readdir(dir)) != NULL) {
		len = strlen(entry->d_name);
		if (len < 5 || strcmp(entry->d_name + len - 4, ".sql") != 0)
			continue;
		if (!version_of(entry->d_name, version) || len >= sizeof(out->names[0]) ||
		    out->count == MIGRATIONS_MAX) {
			why = reason_set(REASON_FILE_SHAPE,
					 "%s/%.80s: a migration is named NNN_what.sql, at most 63 bytes",
					 folder, entry->d_name);
			goto out;
		}
		memcpy(out->names[out->count++], entry->d_name, len + 1);
	}
	qsort(out->names, (size_t)out->count, sizeof(out->names[0]), by_name);
	if (out->count == 0)
		why = reason_set(REASON_FILE_MISSING, "%s holds no migration; correct [paths] sql_dir",
				 folder);
out:
	if (dir)
		closedir(dir);
	return why;
}

static enum reason list_applied(struct db *db, struct version_list *out)
{
	struct stmt *st = NULL;
	enum reason why;
	bool row = false;

	out->count = 0;
	why = stmt_begin(db, STMT_MIGRATION_ALL, &st);
	if (why != REASON_OK)
		return why;
	stmt_in_number(st, MIGRATIONS_MAX);
	if (stmt_run(st) == REASON_OK) {
		while (out->count < MIGRATIONS_MAX && stmt_next(st, &row) == REASON_OK && row)
			stmt_out_text(st, out->versions[out->count++], VERSION_SIZE);
	}
	return stmt_end(st);
}

static bool applied(const struct version_list *done, const char *version)
{
	for (int i = 0; i < done->count; i++) {
		if (strcmp(done->versions[i], version) == 0)
			return true;
	}
	return false;
}

/* A version in the database that no file here has: the database is newer than this build, or a file was lost. */
static enum reason check_known(const struct migration_list *files, const struct version_list *done)
{
	char version[VERSION_SIZE];
	bool known;

	for (int i = 0; i < done->count; i++) {
		known = false;
		for (int f = 0; f < files->count && !known; f++)
			known = version_of(files->names[f], version) &&
				strcmp(version, done->versions[i]) == 0;
		if (!known)
			return reason_set(REASON_DB_SHAPE,
					  "the database has migration %s, which this build lacks; install "
					  "the build that made it, or "
					  "restore its file under sql/migrations",
					  done->versions[i]);
	}
	return REASON_OK;
}

static enum reason run_file(struct db *db, const char *folder, const char *name, bool up_part)
{
	char path[FILE_PATH_SIZE];
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;
	const char *up, *down;
	enum reason why;

	why = file_join(folder, name, path);
	if (why == REASON_OK)
		why = file_read(path, SQL_FILE_MAX, &bytes, &bytes_size);
	if (why != REASON_OK)
		goto out;
	up = (const char *)bytes;
	if (up_part) {
		up = strstr((const char *)bytes, "-- migrate:up");
		down = strstr((const char *)bytes, "-- migrate:down");
		if (!up || (down && down < up)) {
			why = reason_set(REASON_FILE_SHAPE,
					 "%s: no \"-- migrate:up\" before \"-- migrate:down\"", path);
			goto out;
		}
		if (down)
			bytes[down - (const char *)bytes] = '\0';
		/* The marker stays as a comment; line numbers in messages are those of the file. */
		up = (const char *)bytes;
	}
	why = db_script(db, up, name);
out:
	file_free(bytes, bytes_size);
	return why;
}

static enum reason note_version(struct db *db, const char *version)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_MIGRATION_ADD, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, version);
	(void)stmt_run(st);
	return stmt_end(st);
}

static enum reason note_stated(struct db *db, const char *file, const struct digest *digest)
{
	struct stmt *st = NULL;
	enum reason why = stmt_begin(db, STMT_STATED_SET, &st);

	if (why != REASON_OK)
		return why;
	stmt_in_text(st, file);
	stmt_in_digest(st, digest);
	stmt_in_digest(st, digest);
	(void)stmt_run(st);
	return stmt_end(st);
}

static enum reason state_anew(struct db *db, const char *sql_dir)
{
	char path[FILE_PATH_SIZE];
	struct digest digest;
	enum reason why = REASON_OK;

	for (size_t i = 0; i < ARRAY_COUNT(stated_files) && why == REASON_OK; i++) {
		why = file_join(sql_dir, stated_files[i], path);
		if (why == REASON_OK)
			why = digest_file(path, &digest);
		if (why == REASON_OK)
			why = run_file(db, sql_dir, stated_files[i], false);
		if (why == REASON_OK)
			why = note_stated(db, stated_files[i], &digest);
	}
	return why;
}

static bool lock_row(void *arg, int column_count, const char *const *names, const char *const *values)
{
	bool *got = arg;

	(void)names;
	if (values)
		*got = column_count == 1 && values[0] && strcmp(values[0], "1") == 0;
	return true;
}

enum reason migrate_up(struct db *db, const char *sql_dir, struct migrate_report *out)
{
	struct migration_list *files = calloc(1, sizeof(*files));
	struct version_list *done = calloc(1, sizeof(*done));
	struct migrate_report report = { 0 };
	char folder[FILE_PATH_SIZE], version[VERSION_SIZE];
	bool locked = false;
	enum reason why;

	if (!files || !done) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the list of migrations; free some");
		goto out;
	}
	/* Two people at once. Local to a Galera node, which is enough here: the second one's CREATE TABLE would be refused. */
	why = db_query(db, "SELECT GET_LOCK('gaejang_migrate', 10)", lock_row, &locked);
	if (why == REASON_OK && !locked)
		why = reason_set(REASON_DB_CONFLICT, "another migration runs; wait for its end");
	if (why == REASON_OK)
		why = db_query(db,
			       "CREATE TABLE IF NOT EXISTS schema_migrations (version VARCHAR(128) NOT NULL "
			       "PRIMARY KEY)",
			       NULL, NULL);
	if (why == REASON_OK)
		why = list_files(sql_dir, files);
	if (why == REASON_OK)
		why = list_applied(db, done);
	if (why == REASON_OK)
		why = check_known(files, done);
	if (why == REASON_OK)
		why = file_join(sql_dir, "migrations", folder);
	for (int i = 0; i < files->count && why == REASON_OK; i++) {
		BUG_IF(!version_of(files->names[i], version), "list_files takes well-named files only");
		if (!applied(done, version)) {
			why = run_file(db, folder, files->names[i], true);
			if (why == REASON_OK)
				why = note_version(db, version);
			report.applied += why == REASON_OK;
		}
		report.present++;
		memcpy(report.newest, files->names[i], sizeof(report.newest));
	}
	if (why == REASON_OK)
		why = state_anew(db, sql_dir);
	if (why == REASON_OK)
		*out = report;
out:
	if (locked && db_open_now(db)) {
		char kept[DETAIL_SIZE];

		/* The reason of the work stays the one that is told; the server drops the lock with the connection anyway. */
		if (snprintf(kept, sizeof(kept), "%s", reason_detail()) >= 0) {
			(void)db_query(db, "SELECT RELEASE_LOCK('gaejang_migrate')", NULL, NULL);
			(void)reason_set(why, "%s", kept);
		}
	}
	free(files);
	free(done);
	return why;
}

static enum reason check_stated(struct db *db, const char *sql_dir, const char *file)
{
	char path[FILE_PATH_SIZE];
	struct digest here, there;
	struct stmt *st = NULL;
	enum reason why;
	bool row = false;

	why = file_join(sql_dir, file, path);
	if (why == REASON_OK)
		why = digest_file(path, &here);
	if (why == REASON_OK)
		why = stmt_begin(db, STMT_STATED_FIND, &st);
	if (why != REASON_OK)
		return why;
	stmt_in_text(st, file);
	if (stmt_run(st) == REASON_OK && stmt_next(st, &row) == REASON_OK && row)
		stmt_out_digest(st, &there);
	why = stmt_end(st);
	if (why == REASON_OK && (!row || !digest_same(&here, &there)))
		why = reason_set(REASON_DB_SHAPE,
				 "the database holds another %s than %s; run `gaejang migrate`", file, path);
	return why;
}

enum reason migrate_check(struct db *db, const char *sql_dir)
{
	struct migration_list *files = calloc(1, sizeof(*files));
	struct version_list *done = calloc(1, sizeof(*done));
	char version[VERSION_SIZE];
	enum reason why;

	if (!files || !done) {
		why = reason_set(REASON_NO_MEMORY, "no memory for the list of migrations; free some");
		goto out;
	}
	why = list_files(sql_dir, files);
	if (why != REASON_OK)
		goto out;
	if (strcmp(files->names[files->count - 1], SCHEMA_NEWEST) != 0) {
		why = reason_set(
			REASON_DB_SHAPE,
			"%s/migrations ends with %s, this build was made for %s; install both together",
			sql_dir, files->names[files->count - 1], SCHEMA_NEWEST);
		goto out;
	}
	why = list_applied(db, done);
	if (why == REASON_OK)
		why = check_known(files, done);
	for (int i = 0; i < files->count && why == REASON_OK; i++) {
		if (version_of(files->names[i], version) && !applied(done, version))
			why = reason_set(REASON_DB_SHAPE,
					 "migration %s is not applied; run `gaejang migrate`",
					 files->names[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(stated_files) && why == REASON_OK; i++)
		why = check_stated(db, sql_dir, stated_files[i]);
out:
	free(files);
	free(done);
	return why;
}

enum reason migrate_login(struct db *db, const char *user, const char *password)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	char text[400];
	enum reason why;
	int text_len;

	/* ALTER USER takes no parameters, so these two go into the text: only letters that mean nothing to SQL. */
	if (strncmp(user, "gj_", 3) != 0 || user[strspn(user, letters)] || strlen(user) > 32)
		return reason_set(REASON_BAD_USAGE, "%.40s is no login of ours; they are named gj_PROGRAM",
				  user);
	if (strlen(password) < 16 || strlen(password) > 100 || password[strspn(password, letters)])
		return reason_set(REASON_BAD_USAGE, "the password of %s must be 16 to 100 of A-Z a-z 0-9 _ -",
				  user);
	text_len = snprintf(text, sizeof(text), "CREATE USER IF NOT EXISTS %s@localhost ACCOUNT LOCK", user);
	BUG_IF(text_len < 0 || (size_t)text_len >= sizeof(text), "the statement fits");
	why = db_query(db, text, NULL, NULL);
	if (why != REASON_OK)
		return why;
	text_len = snprintf(text, sizeof(text), "ALTER USER %s@localhost IDENTIFIED BY '%s' ACCOUNT UNLOCK",
			    user, password);
	BUG_IF(text_len < 0 || (size_t)text_len >= sizeof(text), "the statement fits");
	why = db_query(db, text, NULL, NULL);
	sodium_memzero(text, sizeof(text));
	return why;
}
