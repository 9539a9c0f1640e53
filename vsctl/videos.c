/* vsctl videos: deleted ones that can be brought back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/param.h"
#include "scheduler/tasks/scheduler_statements.h"
#include "vsctl/command.h"
#include "vsctl/context.h"

enum { ROWS_AT_ONCE = 500 };

static int list_deleted(struct task_context *context)
{
    int64_t last = 0;
    struct db_rows rows;
    do {
        struct db_params params = {0};
        db_bind_number(&params, last);
        db_bind_number(&params, ROWS_AT_ONCE);
        if (!context_query(context, DELETED_LIST, &params, &rows))
            return EXIT_FAILURE;
        if (last == 0)
            printf("%-8s  %-20s  %-20s  %-8s  %s\n", "video", "deleted", "until", "comments", "title");
        for (int i = 0; i < rows.count; i++) {
            last = db_number(&rows, i, 0);
            printf("%-8lld  ", (long long)last);
            context_print_time(db_time_us(&rows, i, 1));
            context_print_time(db_time_us(&rows, i, 2));
            printf("%-8lld  %s\n", (long long)db_number(&rows, i, 3), db_text(&rows, i, 4));
        }
    } while (rows.count == ROWS_AT_ONCE);
    return EXIT_SUCCESS;
}

static int restore(struct task_context *context, int64_t id)
{
    struct db_params params = {0};
    struct db_rows rows;
    db_bind_number(&params, id);
    if (!context_query(context, VIDEO_RESTORE, &params, &rows))
        return EXIT_FAILURE;
    if (db_number(&rows, 0, 0) == 1) {
        printf("video %lld is back\n", (long long)id);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "vsctl: video %lld can't be brought back: it was not deleted, or its time is over\n",
            (long long)id);
    return EXIT_FAILURE;
}

int command_videos(const struct config *config, int argc, char **argv)
{
    int64_t id = 0;
    bool lists = argc == 1 && strcmp(argv[0], "deleted") == 0;
    bool restores = argc == 2 && strcmp(argv[0], "restore") == 0 && param_id(argv[1], strlen(argv[1]), &id);
    if (!lists && !restores)
        return COMMAND_MISUSED;
    struct task_context *context = context_open(config);
    if (!context)
        return EXIT_FAILURE;
    int status = lists ? list_deleted(context) : restore(context, id);
    context_close(context);
    return status;
}
