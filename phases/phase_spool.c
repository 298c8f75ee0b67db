/*
 * phase_spool - what could not be written to the database waits in STATE_DIR/spool/phases-ACCOUNT.jsonl.
 *
 * A run that reaches the database renames the file, turns each line into an alert `db-away` inside its result's
 * transaction, and removes the renamed file after COMMIT. A crash between the two repeats the alerts, it loses none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "phases/phase.h"
#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/banned.h"

#define SPOOL_SIZE_MAX  (256 * 1024)
#define SPOOL_LINES_MAX 20 /* of one drain; a long outage is told by its first lines and a count */

static enum reason spool_path(const struct phase *ph, const char *ending, char out[static FILE_PATH_SIZE])
{
	char folder[FILE_PATH_SIZE], name[80];
	enum reason why;

	why = file_join(conf_text(&ph->cfg, CONF_STATE_DIR), "spool", folder);
	if (why == REASON_OK)
		why = file_make_folders(folder, 0700);
	if (why != REASON_OK)
		return why;
	(void)snprintf(name, sizeof(name), "phases-%s.%s", ph->acct->name, ending);
	return file_join(folder, name, out);
}

void phase_spool(struct phase *ph, enum reason why, const char *detail)
{
	char path[FILE_PATH_SIZE], at[KST_TEXT_SIZE], *line = NULL;
	cJSON *root;

	if (!ph->acct || !ph->clock || spool_path(ph, "jsonl", path) != REASON_OK)
		return;
	root = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(root, "at", kst_wall_text(phase_now(ph), at));
	(void)cJSON_AddStringToObject(root, "phase", phase_name(ph->def->id));
	(void)cJSON_AddStringToObject(root, "account", ph->acct->name);
	(void)cJSON_AddStringToObject(root, "day", kst_day_text(ph->day.day, at));
	(void)cJSON_AddStringToObject(root, "reason", reason_code(why));
	(void)cJSON_AddStringToObject(root, "detail", detail);
	line = cJSON_PrintUnformatted(root);
	if (!line || file_append_line(path, line) != REASON_OK)
		log_event(LOG_ERROR, "spool-lost", "phase=%s reason=%s", phase_name(ph->def->id),
			  reason_code(why));
	cJSON_free(line);
	cJSON_Delete(root);
}

static void line_text(const char *line, size_t line_len, char *out, size_t out_size)
{
	cJSON *root = cJSON_ParseWithLength(line, line_len);
	const cJSON *at = cJSON_GetObjectItemCaseSensitive(root, "at");
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(root, "phase");
	const cJSON *detail = cJSON_GetObjectItemCaseSensitive(root, "detail");

	if (cJSON_IsString(at) && cJSON_IsString(name) && cJSON_IsString(detail))
		(void)snprintf(out, out_size, "%.19s %.16s could not write its row: %.300s", at->valuestring,
			       name->valuestring, detail->valuestring);
	else
		(void)snprintf(out, out_size, "an unreadable line waited in the spool");
	cJSON_Delete(root);
}

static enum reason spool_raise(struct phase *ph, const char *text)
{
	struct alert_row row = { .account_id = ph->account.account_id,
				 .day = ph->day.day,
				 .level = FINDING_WARN };

	(void)snprintf(row.code, sizeof(row.code), "%s", reason_code(REASON_DB_AWAY));
	(void)snprintf(row.text, sizeof(row.text), "%s", text);
	(void)snprintf(row.by_program, sizeof(row.by_program), "%s", phase_name(ph->def->id));
	row.raised = phase_now(ph);
	return tbl_alert_raise(ph->db, &row);
}

enum reason phase_spool_drain(struct phase *ph, int *out_count)
{
	char path[FILE_PATH_SIZE], moved[FILE_PATH_SIZE], text[DETAIL_SIZE];
	uint8_t *bytes = NULL;
	size_t bytes_size = 0;
	enum reason why;

	*out_count = 0;
	if (spool_path(ph, "jsonl", path) != REASON_OK || spool_path(ph, "draining", moved) != REASON_OK)
		return REASON_OK; /* no spool folder, nothing spooled: preflight says so by its disk check */
	if (!file_exists(moved) && (!file_exists(path) || rename(path, moved) != 0))
		return REASON_OK;
	why = file_read(moved, SPOOL_SIZE_MAX, &bytes, &bytes_size);
	if (why != REASON_OK)
		return spool_raise(ph, "the spool of this account cannot be read; look at STATE_DIR/spool");
	for (size_t at = 0; at < bytes_size && why == REASON_OK;) {
		const char *line = (const char *)bytes + at;
		size_t line_len = strcspn(line, "\n");

		if (line_len > 0 && *out_count < SPOOL_LINES_MAX) {
			line_text(line, line_len, text, sizeof(text));
			why = spool_raise(ph, text);
		}
		*out_count += line_len > 0;
		at += line_len + 1;
	}
	if (why == REASON_OK && *out_count > SPOOL_LINES_MAX) {
		(void)snprintf(text, sizeof(text), "%d more lines waited in the spool",
			       *out_count - SPOOL_LINES_MAX);
		why = spool_raise(ph, text);
	}
	file_free(bytes, bytes_size);
	return why;
}

void phase_spool_done(struct phase *ph)
{
	char moved[FILE_PATH_SIZE];

	if (spool_path(ph, "draining", moved) == REASON_OK && unlink(moved) != 0 && errno != ENOENT)
		log_event(LOG_WARN, "spool-stays", "phase=%s errno=%d", phase_name(ph->def->id), errno);
}
