#include "vsctl/context.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/process/privilege.h"
#include "scheduler/tasks/scheduler_statements.h"

enum { URL_SIZE = PATH_MAX + 64, ROWS_PER_QUERY = 500 };

struct open_context {
    struct task_context context; /* first member: a pointer to it points to the whole */
    struct media media;
    struct db_options options;
    char url[URL_SIZE];
};

/* Builds the libpq URL of the site's own database. Its path is that of the run directory,
 * which has no characters that are special to libpq, unlike perhaps the link in the state
 * directory. On failure it prints the reason. */
static bool find_database(const struct config *config, char url[URL_SIZE])
{
    char path[PATH_MAX], folder[PATH_MAX];
    snprintf(path, sizeof path, "%s/run/postgresql", config->state_dir);
    if (!realpath(path, folder)) {
        fprintf(stderr, "vsctl: no database found in %s: %s; set VS_STATE_DIR or VS_DATABASE_URL\n", path,
                strerror(errno));
        return false;
    }
    snprintf(url, URL_SIZE, "host=%s dbname=video_server", folder);
    return true;
}

struct task_context *context_open(const struct config *config)
{
    struct open_context *open = calloc(1, sizeof *open);
    log_set_level(LOG_WARNING);
    bool external = *config->database_url;
    if (!open || !media_locate(&open->media, config) || (!external && !find_database(config, open->url)) ||
        !privilege_drop(config->user)) {
        free(open);
        return NULL;
    }
    open->options = (struct db_options){.url = external ? config->database_url : open->url,
                                        .role = "video_scheduler",
                                        .statements = scheduler_statements,
                                        .statement_count = STATEMENT_COUNT,
                                        .timeout_ms = (int)config->database_timeout_ms};
    open->context = (struct task_context){
        .config = config, .media = &open->media, .db = db_create(&open->options), .arena = arena_create()};
    if (open->context.db)
        return &open->context;
    context_close(&open->context);
    return NULL;
}

void context_close(struct task_context *context)
{
    db_destroy(context->db);
    arena_destroy(context->arena);
    free(context);
}

bool context_query(struct task_context *context, size_t statement, const struct db_params *params,
                   struct db_rows *rows)
{
    arena_reset(context->arena);
    db_begin(context->db, context->arena);
    enum db_outcome outcome = db_query(context->db, statement, params, rows);
    if (outcome == DB_DONE)
        return true;
    fprintf(stderr, "vsctl: %s\n",
            outcome == DB_REFUSED ? "the database rejected the statement"
            : outcome == DB_UNAVAILABLE
                ? "the database does not answer"
                : "the connection was lost; the change may or may not have been made");
    return false;
}

int context_print_table(struct task_context *context, size_t statement, const char *heading,
                        void (*print_row)(const struct db_rows *rows, int row))
{
    int64_t last = 0;
    struct db_rows rows;
    do {
        struct db_params params = {0};
        db_bind_number(&params, last);
        db_bind_number(&params, ROWS_PER_QUERY);
        if (!context_query(context, statement, &params, &rows))
            return EXIT_FAILURE;
        if (last == 0)
            puts(heading);
        for (int i = 0; i < rows.count; i++) {
            print_row(&rows, i);
            last = db_number(&rows, i, 0);
        }
    } while (rows.count == ROWS_PER_QUERY);
    return EXIT_SUCCESS;
}

void context_print_time(int64_t time_us)
{
    char text[CLOCK_RFC3339_SIZE];
    printf("%-20s  ", time_us == 0 ? "-" : clock_rfc3339(time_us / 1000000, text));
}
