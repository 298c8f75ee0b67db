/* The schema is made, found right, and found wrong when something of it was changed. */
#include "tests/shared/store/private_db.h"

static int count_of_last;

static bool take_number(void *arg, int column_count, const char *const *names, const char *const *values)
{
	(void)arg;
	(void)names;
	assert_int_equal(column_count, 1);
	if (values)
		count_of_last = (int)strtol(values[0], NULL, 10);
	return true;
}

static int number_of(struct db *db, const char *text)
{
	count_of_last = -1;
	assert_done(db_query(db, text, take_number, NULL));
	return count_of_last;
}

static void test_again_changes_nothing(void **state)
{
	struct db *db = private_db_open("gj_migrate");
	struct migrate_report report;

	(void)state;
	assert_done(migrate_up(db, "sql", &report));
	assert_int_equal(report.applied, 0);
	assert_int_equal(report.present, 2);
	assert_string_equal(report.newest, "002_result_order.sql");
	assert_done(migrate_check(db, "sql"));
	assert_int_equal(number_of(db, "SELECT COUNT(*) FROM schema_migrations"), 2);
	/* every table but those that may be updated has both triggers */
	assert_int_equal(number_of(db, "SELECT COUNT(*) FROM information_schema.triggers WHERE "
				       "trigger_schema = 'gaejang' AND "
				       "action_statement LIKE '%insert-only%'"),
			 2 * number_of(db,
				       "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
				       "'gaejang' AND "
				       "table_type = 'BASE TABLE' AND table_name NOT IN ('lease', 'control', "
				       "'certificate', 'schema_migrations', 'schema_stated')"));
	db_close(db);
}

static void test_check_sees_a_change(void **state)
{
	struct db *db = private_db_open("gj_migrate");

	(void)state;
	assert_done(db_query(db,
			     "UPDATE schema_stated SET digest = REPEAT('0', 64) WHERE file = 'grants.sql'",
			     NULL, NULL));
	assert_reason(migrate_check(db, "sql"), REASON_DB_SHAPE);
	assert_non_null(strstr(reason_detail(), "grants.sql"));
	assert_done(db_query(db, "INSERT INTO schema_migrations (version) VALUES ('999')", NULL, NULL));
	assert_reason(migrate_check(db, "sql"), REASON_DB_SHAPE);
	assert_non_null(strstr(reason_detail(), "999"));
	assert_reason(migrate_up(db, "sql", &(struct migrate_report){ 0 }), REASON_DB_SHAPE);
	assert_done(db_query(db, "DELETE FROM schema_migrations WHERE version = '999'", NULL, NULL));
	assert_done(migrate_up(db, "sql", &(struct migrate_report){ 0 }));
	assert_done(migrate_check(db, "sql"));
	assert_reason(migrate_check(db, "/nowhere"), REASON_FILE_MISSING);
	db_close(db);
}

static void test_preflight_may_check(void **state)
{
	struct db *db = private_db_open("gj_preflight");

	(void)state;
	assert_done(migrate_check(db, "sql"));
	db_close(db);
}

static void test_logins(void **state)
{
	struct db *db = private_db_open("root"), *other = NULL;

	(void)state;
	assert_reason(migrate_login(db, "root", PRIVATE_PASSWORD), REASON_BAD_USAGE);
	assert_reason(migrate_login(db, "gj_x'y", PRIVATE_PASSWORD), REASON_BAD_USAGE);
	assert_reason(migrate_login(db, "gj_auth", "short"), REASON_BAD_USAGE);
	assert_reason(migrate_login(db, "gj_auth", "quote'quote'quote'quote"), REASON_BAD_USAGE);
	assert_reason(private_db_try("gj_auth", "not the password", &other), REASON_DB_LOGIN);
	assert_null(other);
	assert_null(strstr(reason_detail(), "not the password"));
	assert_done(migrate_login(db, "gj_auth", "another-password-of-it"));
	assert_reason(private_db_try("gj_auth", PRIVATE_PASSWORD, &other), REASON_DB_LOGIN);
	assert_done(private_db_try("gj_auth", "another-password-of-it", &other));
	db_close(other);
	assert_done(migrate_login(db, "gj_auth", PRIVATE_PASSWORD));
	db_close(db);
}

static void test_script(void **state)
{
	struct db *db = private_db_open("gj_migrate");

	(void)state;
	assert_done(db_script(db,
			      "-- a comment; with a semicolon\nCREATE TABLE t_script (a INT, b VARCHAR(20)); "
			      "/* and ; here */\n"
			      "INSERT INTO t_script VALUES (1, 'a;b'), (2, 'it''s; -- text');\nDELIMITER //\n"
			      "INSERT INTO t_script VALUES (3, '/')//\nDELIMITER ;\n# last\nINSERT INTO "
			      "t_script VALUES (4, '')",
			      "a script"));
	assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t_script"), 4);
	assert_int_equal(number_of(db, "SELECT COUNT(*) FROM t_script WHERE b IN ('a;b', 'it''s; -- text')"),
			 2);
	assert_reason(db_script(db, "SELECT 1;\n\nSELECT nothing FROM t_script;", "bad.sql"),
		      REASON_DB_SHAPE);
	assert_non_null(strstr(reason_detail(), "bad.sql line 3"));
	assert_reason(db_script(db, "DELIMITER \nSELECT 1", "bad.sql"), REASON_FILE_SHAPE);
	assert_done(db_script(db, "DROP TABLE t_script", "a script"));
	db_close(db);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_again_changes_nothing),
		cmocka_unit_test(test_check_sees_a_change),
		cmocka_unit_test(test_preflight_may_check),
		cmocka_unit_test(test_logins),
		cmocka_unit_test(test_script),
	};

	return cmocka_run_group_tests(tests, private_db_start, private_db_stop);
}
