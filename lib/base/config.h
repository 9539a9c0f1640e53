/* The settings, all from the environment. The table is in settings.c.
 *
 * They are read once, before the first fork, and never change afterwards. */
#ifndef LIB_BASE_CONFIG_H
#define LIB_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/compiler.h"

struct config {
    int64_t port, http2_port;
    const char *trusted_proxies; /* a list (list.h) of addresses and ranges */
    const char *cors_origins;    /* a list of origins */
    const char *state_dir, *run_dir, *media_dir;
    const char *user;
    const char *database_url;
    int64_t database_timeout_ms;
    int64_t api_processes, api_threads, password_threads;
    int64_t stream_processes, stream_threads;
    int64_t upload_processes, upload_threads;
    int64_t receive_timeout_s, shutdown_timeout_s;
    int64_t stream_tokens, stream_tokens_per_client, upload_tokens, upload_tokens_per_user;
    int64_t stream_timeout_s, stream_rate, stream_burst;
    int64_t max_upload_bytes;
    int64_t user_quota_bytes, user_quota_videos, user_uploads; /* 0: no limit */
    int64_t disk_headroom_bytes;
    int64_t upload_ttl_s;
    int64_t upload_types; /* enum upload_types */
    int64_t session_ttl_s, session_max_s;
    int64_t password_memory_kib, password_passes;
    int64_t login_failures, login_failures_per_address, login_failures_per_account;
    int64_t registrations_per_address;
    int64_t scheduler_interval_s, scheduler_attempts;
    int64_t orphan_age_s, delete_grace_s;
    int64_t log_level; /* enum log_level */
};

enum upload_types { UPLOAD_VIDEO, UPLOAD_ANY };

enum { CONFIG_ERROR_SIZE = 512 };

/* Fills config from the environment; what is missing or empty gets its default. Returns
 * false and writes to error which setting is wrong, its value and what is allowed. The
 * texts live as long as the environment. */
WARN_UNUSED bool config_load(struct config *config, char error[CONFIG_ERROR_SIZE]);

/* Prints the settings in effect to standard output, NAME=value a line. */
void config_print(const struct config *config);

/* Prints each setting with its default and its line of help, as text or as Markdown. */
void config_help(void);
void config_help_markdown(void);

/* Writes the path of a file in the run folder into path; false when it doesn't fit. */
WARN_UNUSED bool config_run_path(const struct config *config, const char *name, char *path, size_t size);

#endif
