/* vsctl videos: lists and restores deleted videos. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/param.h"
#include "scheduler/tasks/scheduler_statements.h"
#include "vsctl/command.h"
#include "vsctl/context.h"

static const char heading[] = "video     deleted               until                 comments  title";

static void print_row(const struct db_rows *rows, int row)
{
    printf("%-8lld  ", (long long)db_number(rows, row, 0));
    context_print_time(db_time_us(rows, row, 1));
    context_print_time(db_time_us(rows, row, 2));
    printf("%-8lld  %s\n", (long long)db_number(rows, row, 3), db_text(rows, row, 4));
}

static int restore(struct task_context *context, int64_t id)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    if (!context_query(context, VIDEO_RESTORE, &params, &rows))
        return EXIT_FAILURE;
    if (db_number(&rows, 0, 0) == 1) {
        printf("video %lld restored\n", (long long)id);
        return EXIT_SUCCESS;
    }
    fprintf(stderr,
            "vsctl: video %lld cannot be restored: it was not deleted, or its grace period has ended\n",
            (long long)id);
    return EXIT_FAILURE;
}

int command_videos(const struct config *config, int argc, char **argv)
{
    int64_t id = 0;
    bool is_list = argc == 1 && strcmp(argv[0], "deleted") == 0;
    bool is_restore = argc == 2 && strcmp(argv[0], "restore") == 0 && param_id(argv[1], strlen(argv[1]), &id);
    if (!is_list && !is_restore)
        return COMMAND_MISUSED;
    struct task_context *context = context_open(config);
    if (!context)
        return EXIT_FAILURE;
    int status =
        is_list ? context_print_table(context, DELETED_LIST, heading, print_row) : restore(context, id);
    context_close(context);
    return status;
}
