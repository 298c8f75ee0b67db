/*
 * file - whole small files, durable replacements and spool lines.
 *
 * Owner   file_read allocates *out (NUL added past its size); the caller frees with file_free, which wipes it.
 * Errors  REASON_FILE_*; detail names the path and what to do.
 */
#ifndef GJ_BASE_FILE_H
#define GJ_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/reason.h"

#define FILE_PATH_SIZE 512

enum reason file_read(const char *path, size_t size_max, uint8_t **out, size_t *out_size);
/* As file_read; refuses a file that group or others may read, or that another user owns. */
enum reason file_read_secret(const char *path, size_t size_max, uint8_t **out, size_t *out_size);
void file_free(uint8_t *bytes, size_t bytes_size);
/* Writes beside, fsyncs, renames over, fsyncs the folder. */
enum reason file_replace(const char *path, const void *bytes, size_t bytes_size, unsigned mode);
enum reason file_append_line(const char *path, const char *line); /* O_APPEND, one write, fdatasync */
enum reason file_make_folders(const char *path, unsigned mode);
enum reason file_join(const char *folder, const char *name, char out[static FILE_PATH_SIZE]);
enum reason file_free_mb(const char *folder, int64_t *out_mb);
bool file_exists(const char *path);

#endif
