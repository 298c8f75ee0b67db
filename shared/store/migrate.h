/*
 * migrate - brings the schema to this build: sql/migrations/NNN_what.sql in order (dbmate's file format: "-- migrate:up",
 * "-- migrate:down", table schema_migrations), then triggers, views and grants, which are stated anew each time.
 *
 * Errors  REASON_DB_SHAPE when the database is newer than this build or a file that was applied is missing.
 */
#ifndef GJ_STORE_MIGRATE_H
#define GJ_STORE_MIGRATE_H

#include "shared/store/db.h"

struct migrate_report {
	int applied, present;
	char newest[64];
};
enum reason migrate_up(struct db *db, const char *sql_dir, struct migrate_report *out);
/* What preflight asks: is the schema exactly the one this build was made for (newest file name compiled in)? */
enum reason migrate_check(struct db *db, const char *sql_dir);
/* One login per program (gj_*) with the given passwords; grants of sql/grants.sql. name/password pairs. */
enum reason migrate_login(struct db *db, const char *user, const char *password);

#endif
